-- Notes where the contacts stood when the expansion began, once.
UPDATE activation
SET expand_mark = COALESCE(expand_mark, (SELECT value FROM counter WHERE name = 'contact_change'))
WHERE activation_id = $1 AND state = 'scheduled'
  AND partner_id NOT IN (SELECT subject FROM pause) AND vendor_id NOT IN (SELECT subject FROM pause)
  AND package_id NOT IN (SELECT subject FROM pause) AND version_id NOT IN (SELECT subject FROM pause)
  AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')
RETURNING activation_id, vendor_id, partner_id, company_id, package_id, version_id, version_hash, revision, list_id, group_id,
       state, slots, start_at, expand_cursor, expand_mark, expanded_at, audience, created_at, ended_at,
       event_at, schedule_revision, migrated_at
