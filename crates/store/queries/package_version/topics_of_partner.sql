-- What a partner's mail has been about, by the newest activation of each topic, and what of it an address wants.
SELECT v.topic, v.topic_name,
       CASE WHEN EXISTS (SELECT 1 FROM suppression s
                         WHERE s.scope = 'topic' AND s.scope_id = a.partner_id || '/' || v.topic AND s.address_hash = $2)
            THEN 1 ELSE 0 END AS is_refused
FROM (SELECT MAX(b.activation_id) AS newest
      FROM activation b JOIN package_version w ON w.version_id = b.version_id
      WHERE b.partner_id = $1 AND w.topic <> ''
      GROUP BY w.topic) n
JOIN activation a ON a.activation_id = n.newest
JOIN package_version v ON v.version_id = a.version_id
ORDER BY v.topic
LIMIT 50
