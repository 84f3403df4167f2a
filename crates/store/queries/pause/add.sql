INSERT INTO pause (subject, holder, who, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (subject, holder) DO NOTHING
