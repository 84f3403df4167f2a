SELECT MIN(first_due) AS due_at FROM (
    SELECT (SELECT MIN(s.due_at) FROM send s WHERE s.activation_id = a.activation_id AND s.state = 'due') AS first_due
    FROM activation a
    WHERE a.state IN ('scheduled', 'running')
      AND a.partner_id NOT IN (SELECT subject FROM pause) AND a.vendor_id NOT IN (SELECT subject FROM pause)
      AND a.package_id NOT IN (SELECT subject FROM pause) AND a.version_id NOT IN (SELECT subject FROM pause)
      AND NOT EXISTS (SELECT 1 FROM pause WHERE subject = 'all')
) AS lanes
