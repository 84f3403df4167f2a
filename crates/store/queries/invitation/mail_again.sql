UPDATE invitation SET mail_id = $2, mail_state = 'due', mail_at = $4, mail_reason = '', mail_attempts = 0, first_fed_at = NULL,
                      expires_at = $3, updated_at = $4
WHERE invitation_id = $1 AND state = 'open'
