-- The partial unique index answers a second launch: nothing comes back for it.
INSERT INTO activation (activation_id, vendor_id, partner_id, company_id, package_id, version_id, version_hash, revision,
                        list_id, group_id, state, slots, start_at, expand_cursor, created_at, event_at)
VALUES /* rows */
ON CONFLICT (partner_id, package_id) WHERE state IN ('scheduled', 'running', 'paused') DO NOTHING
RETURNING activation_id, partner_id
