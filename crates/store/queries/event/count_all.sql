SELECT e.kind, COUNT(*) AS events
FROM event e JOIN activation a ON a.activation_id = e.activation_id
GROUP BY e.kind ORDER BY e.kind
