-- With steps that nobody has been decided for, the audience is walked again; sends that are there stay as they are.
UPDATE activation
SET version_id = $2, version_hash = $3, slots = $4, migrated_at = $5, revised_at = $6,
    schedule_revision = schedule_revision + 1, expand_cursor = 0, expand_mark = NULL, expanded_at = NULL,
    state = CASE WHEN state = 'running' THEN 'scheduled' ELSE state END
WHERE activation_id = $1
RETURNING activation_id, vendor_id, partner_id, company_id, package_id, version_id, version_hash, revision, list_id, group_id,
       state, slots, start_at, expand_cursor, expand_mark, expanded_at, audience, created_at, ended_at,
       event_at, schedule_revision, migrated_at
