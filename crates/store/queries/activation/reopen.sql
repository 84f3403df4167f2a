-- Not beside another live one, and not what was recalled.
UPDATE activation SET state = 'running', ended_at = NULL
WHERE activation_id = $1 AND state = 'completed'
  AND NOT EXISTS (SELECT 1 FROM activation b
                  WHERE b.partner_id = activation.partner_id AND b.package_id = activation.package_id
                    AND b.state IN ('scheduled', 'running', 'paused'))
  AND NOT EXISTS (SELECT 1 FROM package_version v WHERE v.version_id = activation.version_id AND v.state = 'recalled')
RETURNING activation_id
