SELECT k.package_id, k.vendor_id, k.slug, k.name, k.created_at FROM package k
WHERE k.package_id > $1
ORDER BY k.package_id
LIMIT $2
