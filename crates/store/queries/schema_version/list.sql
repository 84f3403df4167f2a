SELECT version, hash FROM schema_version WHERE version > 0 ORDER BY version
