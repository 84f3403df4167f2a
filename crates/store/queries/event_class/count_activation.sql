SELECT c.activation_id, c.kind,
       CASE WHEN c.class IN ('human', 'proxy_open') THEN 1 ELSE 0 END AS human,
       COUNT(*) AS events, COUNT(DISTINCT c.send_id) AS sends
FROM event_class c JOIN activation a ON a.activation_id = c.activation_id
WHERE c.activation_id = $1
GROUP BY c.activation_id, c.kind, CASE WHEN c.class IN ('human', 'proxy_open') THEN 1 ELSE 0 END
ORDER BY c.activation_id, c.kind, human
