SELECT activation_id, schedule_revision FROM activation
WHERE state IN ('scheduled', 'running', 'paused') AND revised_at >= $1
