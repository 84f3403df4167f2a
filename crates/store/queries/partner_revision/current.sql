SELECT r.brand, s.from_name, s.from_email, s.reply_to
FROM partner p
JOIN partner_revision r ON r.partner_id = p.partner_id AND r.revision = p.revision
JOIN sender_identity s ON s.sender_id = r.sender_id
WHERE p.partner_id = $1
