SELECT COALESCE(MAX(number), 0) AS number, MAX(CASE WHEN revision = $2 THEN number ELSE 0 END) AS same
FROM partner_revision WHERE partner_id = $1
