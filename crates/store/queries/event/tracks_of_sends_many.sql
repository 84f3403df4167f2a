-- What the rules look at: everything that was asked for of each send, and when it was accepted.
SELECT e.event_id, e.send_id, e.activation_id, e.kind, e.at, e.detail
FROM (VALUES /* rows */) AS v
CROSS JOIN event e
WHERE e.send_id = v.column1 AND e.kind IN ('accepted', 'opened', 'clicked')
