-- What the jobs of one activation share.
SELECT a.activation_id, a.vendor_id, a.company_id, a.partner_id, a.version_id, a.version_hash, a.revision, a.schedule_revision, p.tier
FROM (VALUES /* rows */) AS v
CROSS JOIN activation a
CROSS JOIN partner p
WHERE a.activation_id = v.column1 AND p.partner_id = a.partner_id
