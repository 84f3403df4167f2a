UPDATE package_version SET state = $2, state_by = $3, state_at = $4 WHERE version_id = $1 RETURNING version_id, package_id, vendor_id, hash, number, state, state_by, state_at, created_at
