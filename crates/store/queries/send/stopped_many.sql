-- The states are those of the index of what ended without going.
SELECT COUNT(*) AS sends
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
WHERE s.activation_id = v.column1 AND s.state IN ('failed', 'skipped', 'held', 'cancelled')
  AND s.state = 'cancelled' AND s.reason = 'stopped'
