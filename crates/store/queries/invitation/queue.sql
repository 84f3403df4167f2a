UPDATE invitation SET mail_state = 'queued', mail_at = $2, first_fed_at = COALESCE(first_fed_at, $2)
WHERE mail_id = $1 AND state = 'open' AND mail_state IN ('due', 'queued')
