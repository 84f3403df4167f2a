UPDATE company SET name = $2, name_key = $3 WHERE company_id = $1
