UPDATE activation
SET state = 'running', expanded_at = $2,
    audience = (SELECT COUNT(DISTINCT person_id) FROM send WHERE send.activation_id = $1)
WHERE activation_id = $1 AND state = 'scheduled'
RETURNING audience
