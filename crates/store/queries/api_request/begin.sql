INSERT INTO api_request (key_id, idempotency_key, fingerprint, begun_at, forget_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (key_id, idempotency_key) DO NOTHING
