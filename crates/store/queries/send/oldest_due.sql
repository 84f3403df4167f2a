SELECT s.send_id, s.activation_id, s.due_at
FROM activation a
JOIN send s ON s.send_id = (SELECT d.send_id FROM send d
                            WHERE d.activation_id = a.activation_id AND d.state = 'due' AND d.due_at <= $1
                            ORDER BY d.due_at, d.send_id LIMIT 1)
WHERE a.state IN ('scheduled', 'running')
  AND a.partner_id NOT IN (SELECT subject FROM pause) AND a.vendor_id NOT IN (SELECT subject FROM pause)
  AND a.package_id NOT IN (SELECT subject FROM pause) AND a.version_id NOT IN (SELECT subject FROM pause)
  AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')
ORDER BY s.due_at, s.send_id LIMIT 1
