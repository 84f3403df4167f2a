SELECT sender_id FROM sender_identity
WHERE company_id = $1 AND from_name = $2 AND from_email = $3 AND reply_to = $4
