SELECT activation_id, state FROM activation WHERE state = 'paused'
UNION ALL
SELECT activation_id, state FROM activation WHERE state IN ('cancelled', 'recalled') AND ended_at >= $1
