SELECT s.contact_id, c.hash_everywhere
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
CROSS JOIN contact c
WHERE s.send_id = v.column1 AND c.contact_id = s.contact_id
