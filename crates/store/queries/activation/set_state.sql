UPDATE activation SET state = $2, ended_at = $3 WHERE activation_id = $1
