UPDATE send SET state = 'cancelled', reason = $2
WHERE state = 'due' AND send_id IN (
    SELECT send_id FROM send WHERE activation_id = $1 AND state = 'due' LIMIT 500)
