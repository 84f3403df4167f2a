SELECT at, who, action, subject, detail FROM audit ORDER BY audit_id DESC LIMIT $1
