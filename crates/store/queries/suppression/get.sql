SELECT scope, scope_id, address_hash, reason, source, at FROM suppression
WHERE scope = $1 AND scope_id = $2 AND address_hash = $3
