INSERT INTO launch_group (group_id, vendor_id, package_id, version_id, kind, who, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
