SELECT p.partner_id, p.vendor_id, p.company_id, c.name AS company_name, p.partner_key, p.tier, p.region, p.partner_type,
       p.revision, p.revision_number, p.created_at, p.updated_at
FROM partner p JOIN company c ON c.company_id = p.company_id
WHERE p.company_id = $3 AND p.partner_id > $1 AND ($4 = '' OR p.vendor_id = $4) AND ($5 = '' OR p.tier = $5)
ORDER BY p.partner_id
LIMIT $2
