-- What the jobs of one activation share.
SELECT a.activation_id, a.vendor_id, a.company_id, a.partner_id, a.version_id, a.version_hash, a.revision, a.schedule_revision, p.tier, k.topic
FROM (VALUES /* rows */) AS v
CROSS JOIN activation a
CROSS JOIN partner p
CROSS JOIN package_version k
WHERE a.activation_id = v.column1 AND p.partner_id = a.partner_id AND k.version_id = a.version_id
