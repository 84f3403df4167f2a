INSERT INTO sender_identity (sender_id, company_id, from_name, from_email, reply_to, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (company_id, from_email, from_name, reply_to) DO NOTHING
