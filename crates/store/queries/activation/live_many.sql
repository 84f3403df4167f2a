SELECT a.activation_id, a.partner_id, a.state
FROM (VALUES /* rows */) AS v
CROSS JOIN activation a
WHERE a.partner_id = v.column1 AND a.package_id = v.column2
  AND a.state IN ('scheduled', 'running', 'paused')
