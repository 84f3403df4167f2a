UPDATE partner SET tier = $2, revision = $3, revision_number = $4, updated_at = $5 WHERE partner_id = $1
