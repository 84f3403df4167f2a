-- By id, by name, or by the key some vendor knows it under.
SELECT company_id, name, created_at FROM company
WHERE company_id = $1 OR name_key = $2
   OR company_id IN (SELECT company_id FROM partner WHERE partner_key = $1)
ORDER BY company_id
