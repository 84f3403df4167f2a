UPDATE partner SET tier = $2, revision = $3, revision_number = $4, updated_at = $5, region = $6, partner_type = $7
WHERE partner_id = $1
