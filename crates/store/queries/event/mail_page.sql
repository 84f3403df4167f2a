-- Messages to whose mail this happened, by number.
SELECT DISTINCT e.send_id FROM event e JOIN send s ON s.send_id = e.send_id
WHERE e.activation_id = $1 AND e.kind = $2 AND e.kind IN ('bounced', 'unsubscribed') AND e.send_id > $3
  AND (s.step_key = $4 OR $4 = '')
ORDER BY e.send_id LIMIT $5
