SELECT version_id, package_id, vendor_id, hash, number, state, state_by, state_at, created_at FROM package_version WHERE version_id = $1
