SELECT l.list_id, l.company_id, l.name, l.created_at,
       (SELECT COUNT(*) FROM contact c WHERE c.list_id = l.list_id) AS contacts
FROM contact_list l WHERE l.company_id = $1 ORDER BY l.name_key
