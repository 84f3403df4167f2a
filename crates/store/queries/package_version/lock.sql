-- Writing the row locks it on Postgres, so that a launch and a recall take turns; SQLite has one writer anyway.
UPDATE package_version SET state = state WHERE version_id = $1 RETURNING version_id, package_id, vendor_id, hash, number, state, state_by, state_at, created_at
