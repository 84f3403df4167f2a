DELETE FROM api_request WHERE key_id = $1 AND idempotency_key = $2 AND begun_at = $3 AND status IS NULL
