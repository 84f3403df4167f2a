SELECT k.package_id, k.vendor_id, k.slug, k.name, k.created_at FROM package k
WHERE k.vendor_id = $3 AND k.package_id > $1
ORDER BY k.package_id
LIMIT $2
