SELECT package_id, vendor_id, slug, name, created_at FROM package WHERE package_id = $1
