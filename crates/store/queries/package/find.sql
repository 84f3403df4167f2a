SELECT package_id, vendor_id, slug, name, created_at FROM package
WHERE vendor_id = $1 AND (slug = $2 OR package_id = $2 OR name = $2)
ORDER BY CASE WHEN slug = $2 THEN 0 WHEN package_id = $2 THEN 1 ELSE 2 END, package_id LIMIT 1
