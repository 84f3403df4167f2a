-- Row 0 stands for the schema itself; writing it keeps every other migrating process waiting.
INSERT INTO schema_version (version, name, hash, applied_at)
VALUES (0, 'lock', '', $1)
ON CONFLICT (version) DO UPDATE SET applied_at = excluded.applied_at
