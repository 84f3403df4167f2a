-- Newest first. $4 is 1 for those who may see what is not published yet.
SELECT version_id, package_id, vendor_id, hash, number, state, state_by, state_at, created_at FROM package_version
WHERE package_id = $3 AND number < $1 AND ($4 = 1 OR state NOT IN ('draft', 'in_review'))
ORDER BY number DESC
LIMIT $2
