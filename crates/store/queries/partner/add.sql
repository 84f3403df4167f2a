INSERT INTO partner (partner_id, vendor_id, company_id, partner_key, tier, revision, revision_number, created_at, updated_at,
                     region, partner_type)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, $8, $9)
