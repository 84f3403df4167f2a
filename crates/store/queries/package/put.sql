INSERT INTO package (package_id, vendor_id, slug, name, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (vendor_id, slug) DO UPDATE SET name = excluded.name RETURNING package_id
