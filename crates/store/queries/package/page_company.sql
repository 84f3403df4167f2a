SELECT k.package_id, k.vendor_id, k.slug, k.name, k.created_at FROM package k
WHERE k.vendor_id IN (SELECT p.vendor_id FROM partner p WHERE p.company_id = $3) AND k.package_id > $1 AND ($4 = '' OR k.vendor_id = $4)
  AND EXISTS (SELECT 1 FROM package_version v WHERE v.package_id = k.package_id AND v.state NOT IN ('draft', 'in_review'))
ORDER BY k.package_id
LIMIT $2
