INSERT INTO suppression (scope, scope_id, address_hash, reason, source, at) VALUES /* rows */
ON CONFLICT (scope, scope_id, address_hash) DO NOTHING
