-- What the jobs of sends in this state that were fed at a time or earlier carry, with the suppressions that came since they were expanded.
SELECT s.send_id, s.activation_id, s.person_id, s.contact_id, s.step_key, s.occurrence, s.provider, s.due_at, s.attempts, s.first_fed_at,
       c.address, c.first_name, c.last_name, c.fields, c.language, c.hash_everywhere, c.hash_company,
       p.address_hash AS hash_vendor,
       (SELECT x.reason FROM suppression x
        WHERE x.scope = 'everywhere' AND x.scope_id = '' AND x.address_hash = c.hash_everywhere) AS everywhere_reason,
       CASE WHEN EXISTS (SELECT 1 FROM suppression x
                         WHERE x.scope = 'vendor' AND x.scope_id = a.vendor_id AND x.address_hash = p.address_hash)
            THEN 1 ELSE 0 END AS suppressed_vendor,
       CASE WHEN EXISTS (SELECT 1 FROM suppression x
                         WHERE x.scope = 'company' AND x.scope_id = a.company_id AND x.address_hash = c.hash_company)
            THEN 1 ELSE 0 END AS suppressed_company,
       CASE WHEN EXISTS (SELECT 1 FROM suppression x
                         WHERE x.scope = 'topic' AND x.scope_id = a.partner_id || '/' || k.topic AND x.address_hash = c.hash_company)
            THEN 1 ELSE 0 END AS suppressed_topic
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
CROSS JOIN activation a
CROSS JOIN package_version k
CROSS JOIN contact c
CROSS JOIN person p
WHERE s.send_id = v.column1 AND a.activation_id = s.activation_id AND k.version_id = a.version_id
  AND c.contact_id = s.contact_id AND p.person_id = s.person_id
  AND a.state IN ('scheduled', 'running') AND s.state = v.column2 AND COALESCE(s.fed_at, 0) <= v.column3
  AND a.partner_id NOT IN (SELECT subject FROM pause) AND a.vendor_id NOT IN (SELECT subject FROM pause)
  AND a.package_id NOT IN (SELECT subject FROM pause) AND a.version_id NOT IN (SELECT subject FROM pause)
  AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')
