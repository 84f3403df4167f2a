SELECT DISTINCT send_id FROM event
WHERE counted = 0 AND kind IN ('accepted', 'bounced', 'unsubscribed')
ORDER BY send_id LIMIT $1
