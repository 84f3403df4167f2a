-- Sends that are to be tried again though nobody knows whether they went: the last that was heard of them.
SELECT s.send_id, s.activation_id, a.vendor_id, a.company_id, a.partner_id, p.partner_key, k.slug, s.step_key, s.occurrence, s.state,
       s.reason, s.attempts, s.due_at
FROM event e
JOIN send s ON s.send_id = e.send_id
JOIN activation a ON a.activation_id = s.activation_id
JOIN partner p ON p.partner_id = a.partner_id
JOIN package k ON k.package_id = a.package_id
WHERE e.kind = 'unknown' AND e.source_number = s.claim AND s.state IN ('due', 'queued') AND $1 = 'unknown' AND e.send_id > $2
  AND ($4 = '' OR a.vendor_id = $4) AND ($5 = '' OR a.company_id = $5) AND ($6 = '' OR a.partner_id = $6)
  AND ($7 = '' OR a.package_id = $7) AND ($8 = 0 OR a.activation_id = $8)
ORDER BY s.send_id LIMIT $3
