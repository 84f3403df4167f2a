SELECT contact_id, fields FROM contact
WHERE list_id = $1 AND contact_id > $2 AND erased_at IS NULL
ORDER BY contact_id
LIMIT $3
