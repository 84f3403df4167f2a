SELECT i.invitation_id, i.vendor_id, i.partner_id, i.package_id, i.state, i.activation_id, i.expires_at, i.mail_id, i.mail_state, i.mail_at,
       i.mail_reason, i.mail_attempts, i.first_fed_at, i.who, i.created_at, i.updated_at, p.partner_key, c.name AS company_name, g.slug
FROM invitation i
JOIN partner p ON p.partner_id = i.partner_id
JOIN company c ON c.company_id = p.company_id
JOIN package g ON g.package_id = i.package_id
WHERE i.mail_state = 'due' AND i.mail_at <= $1 AND i.state = 'open'
  AND i.partner_id NOT IN (SELECT subject FROM pause) AND i.vendor_id NOT IN (SELECT subject FROM pause)
  AND i.package_id NOT IN (SELECT subject FROM pause) AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')
ORDER BY i.mail_at, i.mail_id LIMIT $2
