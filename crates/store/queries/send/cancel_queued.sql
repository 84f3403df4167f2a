UPDATE send SET state = 'cancelled', reason = $2
WHERE state = 'queued' AND send_id IN (
    SELECT send_id FROM send WHERE activation_id = $1 AND state = 'queued' LIMIT 500)
