-- Who got each message, and when and how often it happened: of opens and clicks what people did. Who was
-- erased is nobody any more.
SELECT s.send_id, s.step_key, c.address_raw, c.first_name, c.last_name,
       MIN(e.at) AS first_at, MAX(e.at) AS last_at, COUNT(*) AS events
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
CROSS JOIN contact c
CROSS JOIN event e
LEFT JOIN event_class k ON k.event_id = e.event_id
WHERE s.send_id = v.column1 AND c.contact_id = s.contact_id AND c.erased_at IS NULL
  AND e.send_id = v.column1 AND e.kind = v.column2 AND (k.class IS NULL OR k.class IN ('human', 'proxy_open'))
GROUP BY s.send_id, s.step_key, c.address_raw, c.first_name, c.last_name
ORDER BY s.send_id
