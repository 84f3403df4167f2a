SELECT COUNT(*) AS live FROM activation
WHERE state IN ('scheduled', 'running', 'paused')
  AND ($1 = 'all' OR vendor_id = $1 OR partner_id = $1 OR package_id = $1 OR version_id = $1)
