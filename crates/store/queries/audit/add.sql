INSERT INTO audit (audit_id, at, who, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)
