SELECT version_id, package_id, vendor_id, hash, number, state, state_by, state_at, created_at FROM package_version WHERE package_id = $1 AND hash = $2
