SELECT contact_id, first_name, last_name, fields, language
FROM contact WHERE list_id = $1 AND address = $2 AND erased_at IS NULL
