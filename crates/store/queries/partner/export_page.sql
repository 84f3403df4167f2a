SELECT p.partner_key, p.tier, p.region, p.partner_type, c.name AS company_name, r.brand, s.from_name, s.from_email, s.reply_to
FROM partner p
JOIN company c ON c.company_id = p.company_id
JOIN partner_revision r ON r.partner_id = p.partner_id AND r.revision = p.revision
JOIN sender_identity s ON s.sender_id = r.sender_id
WHERE p.vendor_id = $1 AND p.partner_key > $2
ORDER BY p.partner_key
LIMIT $3
