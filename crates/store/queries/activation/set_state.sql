UPDATE activation SET state = $2, ended_at = $3, paused_by = $4, paused_at = $5 WHERE activation_id = $1
