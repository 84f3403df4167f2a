SELECT activation_id, vendor_id, partner_id, company_id, package_id, version_id, version_hash, revision, list_id, group_id,
       state, slots, start_at, expand_cursor, expand_mark, expanded_at, audience, created_at, ended_at,
       event_at, schedule_revision, migrated_at
FROM activation
WHERE state = 'scheduled'
  AND partner_id NOT IN (SELECT subject FROM pause) AND vendor_id NOT IN (SELECT subject FROM pause)
  AND package_id NOT IN (SELECT subject FROM pause) AND version_id NOT IN (SELECT subject FROM pause)
  AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')
ORDER BY activation_id LIMIT $1
