-- Messages of which people did this, by number. Each class has its place in the index; from each no more is
-- taken than the page holds.
SELECT DISTINCT send_id FROM (
    SELECT * FROM (
        SELECT DISTINCT c.send_id FROM event_class c JOIN send s ON s.send_id = c.send_id
        WHERE c.activation_id = $1 AND c.kind = $2 AND c.class = 'human' AND c.send_id > $3
          AND (s.step_key = $4 OR $4 = '')
        ORDER BY c.send_id LIMIT $5) AS human
    UNION ALL
    SELECT * FROM (
        SELECT DISTINCT c.send_id FROM event_class c JOIN send s ON s.send_id = c.send_id
        WHERE c.activation_id = $1 AND c.kind = $2 AND c.class = 'proxy_open' AND c.send_id > $3
          AND (s.step_key = $4 OR $4 = '')
        ORDER BY c.send_id LIMIT $5) AS proxy_open
) AS people
ORDER BY send_id LIMIT $5
