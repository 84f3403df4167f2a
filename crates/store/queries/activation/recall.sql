UPDATE activation SET state = 'recalled', ended_at = $2, paused_by = NULL, paused_at = NULL
WHERE version_id = $1 AND state IN ('scheduled', 'running', 'paused')
