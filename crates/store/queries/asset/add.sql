INSERT INTO asset (hash, content, content_type, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (hash) DO NOTHING
