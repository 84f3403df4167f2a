SELECT p.address_hash, p.person_id,
       CASE WHEN EXISTS (SELECT 1 FROM suppression s
                         WHERE s.scope = 'vendor' AND s.scope_id = p.vendor_id AND s.address_hash = p.address_hash)
            THEN 1 ELSE 0 END AS suppressed_vendor
FROM (VALUES /* rows */) AS v
CROSS JOIN person p
WHERE p.vendor_id = v.column1 AND p.address_hash = v.column2
