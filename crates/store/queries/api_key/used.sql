-- Not for every request: only when the time that is kept is older than $3.
UPDATE api_key SET used_at = $2 WHERE key_id = $1 AND (used_at IS NULL OR used_at < $3)
