INSERT INTO partner_revision (partner_id, revision, number, brand, sender_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (partner_id, revision) DO NOTHING
