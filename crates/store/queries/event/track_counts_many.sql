-- How many opens and clicks the book has of each send, and the send's activation.
SELECT s.send_id, s.activation_id,
       (SELECT COUNT(*) FROM event e WHERE e.send_id = s.send_id AND e.kind IN ('opened', 'clicked')) AS tracks
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
WHERE s.send_id = v.column1
