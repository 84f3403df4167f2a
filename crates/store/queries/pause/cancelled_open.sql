-- Cancelled activations of a scope that have something open still: a cancel was interrupted, or is under way.
SELECT a.activation_id FROM activation a
WHERE a.state = 'cancelled'
  AND ($1 = 'all' OR a.vendor_id = $1 OR a.partner_id = $1 OR a.package_id = $1 OR a.version_id = $1)
  AND (EXISTS (SELECT 1 FROM send s WHERE s.activation_id = a.activation_id AND s.state = 'due')
    OR EXISTS (SELECT 1 FROM send s WHERE s.activation_id = a.activation_id AND s.state = 'queued'))
ORDER BY a.activation_id
