-- What happened to the mail of each send, as far as it is counted, and where.
SELECT e.event_id, e.send_id, e.activation_id, s.step_key, e.kind, e.at, e.counted
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
CROSS JOIN event e
WHERE s.send_id = v.column1 AND e.send_id = v.column1 AND e.kind IN ('accepted', 'bounced', 'unsubscribed')
