INSERT INTO package_blob (hash, content, created_at) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING
