UPDATE send SET state = 'cancelled', reason = 'migrated'
WHERE activation_id = $1 AND step_key = $2 AND state IN ('due', 'queued')
