UPDATE api_request SET status = $4, content_type = $5, body = $6, forget_at = $7
WHERE key_id = $1 AND idempotency_key = $2 AND begun_at = $3 AND status IS NULL
