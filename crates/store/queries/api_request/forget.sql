DELETE FROM api_request WHERE (key_id, idempotency_key) IN (
    SELECT key_id, idempotency_key FROM api_request WHERE forget_at <= $1 ORDER BY forget_at LIMIT $2)
