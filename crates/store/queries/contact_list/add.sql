INSERT INTO contact_list (list_id, company_id, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (company_id, name_key) DO NOTHING
