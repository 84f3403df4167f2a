-- A page of a list, as its company knows it. Of several consents the newest is the one that holds.
SELECT c.contact_id, c.address_raw, c.first_name, c.last_name, c.fields, c.language,
       k.basis, k.source, k.at,
       CASE WHEN EXISTS (SELECT 1 FROM suppression s
                         WHERE s.scope = 'company' AND s.scope_id = c.company_id AND s.address_hash = c.hash_company)
            THEN 1 ELSE 0 END AS suppressed_company
FROM contact c
LEFT JOIN consent k ON k.contact_id = c.contact_id
    AND NOT EXISTS (SELECT 1 FROM consent n
                    WHERE n.contact_id = k.contact_id AND (n.at, n.basis, n.source) > (k.at, k.basis, k.source))
WHERE c.list_id = $1 AND c.contact_id > $2 AND c.erased_at IS NULL
ORDER BY c.contact_id
LIMIT $3
