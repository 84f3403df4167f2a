UPDATE invitation SET mail_state = $2, mail_at = $3, mail_reason = $4, mail_attempts = mail_attempts + $5
WHERE mail_id = $1 AND mail_state <> 'sent'
