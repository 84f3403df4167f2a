SELECT send_id FROM send
WHERE activation_id = $1 AND provider = $2 AND state = 'due' AND due_at <= $3
ORDER BY due_at, send_id LIMIT $4
