INSERT INTO company (company_id, name, name_key, created_at) VALUES ($1, $2, $3, $4)
