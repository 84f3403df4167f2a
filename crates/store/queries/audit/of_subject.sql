SELECT at, who, action, subject, detail FROM audit WHERE subject = $1 ORDER BY audit_id LIMIT $2
