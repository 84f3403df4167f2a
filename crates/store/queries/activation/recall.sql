UPDATE activation SET state = 'recalled', ended_at = $2
WHERE version_id = $1 AND state IN ('scheduled', 'running', 'paused')
