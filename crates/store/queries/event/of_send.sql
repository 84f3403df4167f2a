SELECT e.event_id, e.send_id, e.activation_id, a.partner_id, e.kind, e.source_number, e.at, e.detail
FROM event e
JOIN activation a ON a.activation_id = e.activation_id
WHERE e.send_id = $1
ORDER BY e.event_id LIMIT $2
