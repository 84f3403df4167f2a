-- Only one of those who find a request without an answer goes on with it.
UPDATE api_request SET begun_at = $4, forget_at = $5
WHERE key_id = $1 AND idempotency_key = $2 AND begun_at = $3 AND status IS NULL
