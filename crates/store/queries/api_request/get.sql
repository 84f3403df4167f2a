SELECT fingerprint, begun_at, status, content_type, body FROM api_request WHERE key_id = $1 AND idempotency_key = $2
