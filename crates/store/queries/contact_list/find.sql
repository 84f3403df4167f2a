SELECT list_id, company_id, name, created_at FROM contact_list WHERE company_id = $1 AND (name_key = $2 OR list_id = $3)
