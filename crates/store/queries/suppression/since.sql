SELECT scope, scope_id, address_hash, reason, source, at FROM suppression WHERE at >= $1 ORDER BY at
