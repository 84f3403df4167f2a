SELECT activation_id, vendor_id, partner_id, company_id, package_id, version_id, version_hash, revision, list_id, group_id,
       state, slots, start_at, expand_cursor, expand_mark, expanded_at, audience, created_at, ended_at,
       event_at, schedule_revision, migrated_at
FROM activation WHERE partner_id = $1 AND package_id = $2
ORDER BY activation_id DESC LIMIT 1
