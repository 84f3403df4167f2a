SELECT c.contact_id, c.address, c.address_state, c.language, c.hash_everywhere, c.hash_company, c.erased_at,
       (SELECT s.reason FROM suppression s
        WHERE s.scope = 'everywhere' AND s.scope_id = '' AND s.address_hash = c.hash_everywhere) AS everywhere_reason,
       CASE WHEN EXISTS (SELECT 1 FROM suppression s
                         WHERE s.scope = 'company' AND s.scope_id = c.company_id AND s.address_hash = c.hash_company)
            THEN 1 ELSE 0 END AS suppressed_company,
       CASE WHEN EXISTS (SELECT 1 FROM suppression s
                         WHERE s.scope = 'topic'
                           AND s.scope_id = (SELECT $4 || '/' || v.topic FROM package_version v WHERE v.version_id = $5)
                           AND s.address_hash = c.hash_company)
            THEN 1 ELSE 0 END AS suppressed_topic,
       CASE WHEN EXISTS (SELECT 1 FROM consent k WHERE k.contact_id = c.contact_id) THEN 1 ELSE 0 END AS has_consent
FROM contact c
WHERE c.list_id = $1 AND c.contact_id > $2
ORDER BY c.contact_id
LIMIT $3
