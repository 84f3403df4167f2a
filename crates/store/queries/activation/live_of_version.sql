SELECT activation_id FROM activation
WHERE version_id = $1 AND state IN ('scheduled', 'running', 'paused') ORDER BY activation_id
