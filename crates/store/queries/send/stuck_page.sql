-- Of one reason, behind a send.
SELECT s.send_id, s.activation_id, a.vendor_id, a.company_id, a.partner_id, p.partner_key, k.slug, s.step_key, s.occurrence, s.state,
       s.reason, s.attempts, s.due_at
FROM send s
JOIN activation a ON a.activation_id = s.activation_id
JOIN partner p ON p.partner_id = a.partner_id
JOIN package k ON k.package_id = a.package_id
WHERE s.state IN ('held', 'failed') AND s.reason = $1 AND s.send_id > $2 AND ($9 = '' OR s.state = $9)
  AND ($4 = '' OR a.vendor_id = $4) AND ($5 = '' OR a.company_id = $5) AND ($6 = '' OR a.partner_id = $6)
  AND ($7 = '' OR a.package_id = $7) AND ($8 = 0 OR a.activation_id = $8)
ORDER BY s.send_id LIMIT $3
