-- What the rules look at: everything that was asked for of each send, and when it was accepted. Beside it
-- what they said the last time, and as what it was counted.
SELECT e.event_id, e.send_id, e.activation_id, s.step_key, e.kind, e.at, e.detail,
       c.class, c.rule, c.rules_version, c.settled, c.counted
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
CROSS JOIN event e
LEFT JOIN event_class c ON c.event_id = e.event_id
WHERE s.send_id = v.column1 AND e.send_id = v.column1 AND e.kind IN ('accepted', 'opened', 'clicked')
