SELECT package_id, vendor_id, slug, name, created_at FROM package WHERE vendor_id = $1 ORDER BY slug
