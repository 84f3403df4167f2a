SELECT vendor_id, name, created_at FROM vendor WHERE name_key = $1 OR vendor_id = $1
