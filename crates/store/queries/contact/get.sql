SELECT contact_id, first_name, last_name, fields, language
FROM contact WHERE contact_id = $1 AND erased_at IS NULL
