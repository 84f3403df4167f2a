SELECT s.send_id, s.activation_id, a.partner_id, s.fed_at
FROM send s
JOIN activation a ON a.activation_id = s.activation_id
WHERE s.state = 'queued' AND s.fed_at <= $1 AND (s.activation_id, s.send_id) > ($2, $3)
ORDER BY s.activation_id, s.send_id LIMIT $4
