INSERT INTO schema_version (version, name, hash, applied_at) VALUES ($1, $2, $3, $4)
