-- Ids say what they are of, so one text names a scope.
UPDATE activation SET state = 'cancelled', ended_at = $2, paused_by = NULL, paused_at = NULL
WHERE state IN ('scheduled', 'running', 'paused')
  AND ($1 = 'all' OR vendor_id = $1 OR partner_id = $1 OR package_id = $1 OR version_id = $1)
RETURNING activation_id
