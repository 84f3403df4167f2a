-- From the index of what ended without going, alone.
SELECT step_key, state, reason, COUNT(*) AS sends FROM send
WHERE activation_id = $1 AND state IN ('failed', 'skipped', 'held', 'cancelled')
GROUP BY step_key, state, reason
ORDER BY step_key, state, reason
