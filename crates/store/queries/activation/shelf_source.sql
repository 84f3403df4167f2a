SELECT a.activation_id, a.vendor_id, n.name AS vendor_name, a.partner_id, p.partner_key, p.tier, r.brand,
       s.from_name, s.from_email, s.reply_to, a.slots, a.version_hash, a.revision
FROM activation a
JOIN vendor n ON n.vendor_id = a.vendor_id
JOIN partner p ON p.partner_id = a.partner_id
JOIN partner_revision r ON r.partner_id = a.partner_id AND r.revision = a.revision
JOIN sender_identity s ON s.sender_id = r.sender_id
WHERE a.activation_id = $1
