SELECT c.kind, c.class, c.rule, COUNT(*) AS events
FROM event_class c JOIN activation a ON a.activation_id = c.activation_id
GROUP BY c.kind, c.class, c.rule
ORDER BY c.kind, c.class, c.rule
