UPDATE invitation SET state = $2, activation_id = $3, updated_at = $4
WHERE invitation_id = $1 AND state = 'open'
