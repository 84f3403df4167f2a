INSERT INTO api_key (key_id, name, secret_hash, scope, scope_id, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
