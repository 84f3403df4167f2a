-- As lanes.sql, but of the lanes that have waited longest only, and of those every activation: a row for each of thousands of lanes
-- costs more than the looks that find them.
SELECT a.activation_id, a.partner_id,
       (SELECT MIN(s.due_at) FROM send s WHERE s.activation_id = a.activation_id AND s.state = 'due') AS first_due
FROM (SELECT due.partner_id
      FROM (SELECT b.activation_id, b.partner_id,
                   (SELECT MIN(s.due_at) FROM send s WHERE s.activation_id = b.activation_id AND s.state = 'due') AS first_due
            FROM activation b
            WHERE b.state IN ('scheduled', 'running')
              AND b.partner_id NOT IN (SELECT subject FROM pause) AND b.vendor_id NOT IN (SELECT subject FROM pause)
              AND b.package_id NOT IN (SELECT subject FROM pause) AND b.version_id NOT IN (SELECT subject FROM pause)
              AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')) AS due
      WHERE due.first_due <= $1
      GROUP BY due.partner_id
      ORDER BY MIN(due.first_due), MIN(due.activation_id) LIMIT $2) AS lane
CROSS JOIN activation a
WHERE a.partner_id = lane.partner_id AND a.state IN ('scheduled', 'running')
  AND a.partner_id NOT IN (SELECT subject FROM pause) AND a.vendor_id NOT IN (SELECT subject FROM pause)
  AND a.package_id NOT IN (SELECT subject FROM pause) AND a.version_id NOT IN (SELECT subject FROM pause)
  AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')
