-- Of whose program the paused is, and of a partner whose firm: who may see it is decided by them.
SELECT p.subject, p.holder, p.who, p.at, COALESCE(n.vendor_id, r.vendor_id, k.vendor_id, v.vendor_id) AS vendor_id, r.company_id,
       COALESCE(n.name, r.partner_key, k.slug, w.slug) AS name, v.number
FROM pause p
LEFT JOIN vendor n ON n.vendor_id = p.subject
LEFT JOIN partner r ON r.partner_id = p.subject
LEFT JOIN package k ON k.package_id = p.subject
LEFT JOIN package_version v ON v.version_id = p.subject
LEFT JOIN package w ON w.package_id = v.package_id
ORDER BY p.at, p.subject, p.holder
