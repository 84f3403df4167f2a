SELECT key_id, name, secret_hash, scope, scope_id, created_by, created_at, expires_at, revoked_at, used_at FROM api_key WHERE key_id = $1
