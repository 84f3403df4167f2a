SELECT vendor_id, name, created_at FROM vendor ORDER BY name_key
