-- The newest activation of each (partner, package), whatever its state.
SELECT a.activation_id, a.partner_id, a.state
FROM (VALUES /* rows */) AS v
CROSS JOIN activation a
WHERE a.partner_id = v.column1 AND a.package_id = v.column2
  AND a.activation_id = (SELECT MAX(b.activation_id) FROM activation b
                         WHERE b.partner_id = v.column1 AND b.package_id = v.column2)
