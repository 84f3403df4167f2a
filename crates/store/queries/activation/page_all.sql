SELECT a.activation_id, a.vendor_id, a.partner_id, a.company_id, a.package_id, a.version_id, a.version_hash, a.revision, a.list_id, a.group_id,
       a.state, a.slots, a.start_at, a.expand_cursor, a.expand_mark, a.expanded_at, a.audience, a.created_at, a.ended_at,
       a.event_at, a.schedule_revision, a.migrated_at,
       p.partner_key, m.name AS partner_name, p.tier, k.slug
FROM activation a
JOIN partner p ON p.partner_id = a.partner_id
JOIN company m ON m.company_id = a.company_id
JOIN package k ON k.package_id = a.package_id
WHERE a.activation_id < $1
ORDER BY a.activation_id DESC
LIMIT $2
