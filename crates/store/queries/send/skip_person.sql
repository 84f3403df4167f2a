-- What is still due to one person from one company's live activations of one vendor.
UPDATE send SET state = 'skipped', reason = 'suppressed_company'
WHERE state = 'due' AND send_id IN (
    SELECT s.send_id FROM activation a JOIN send s ON s.activation_id = a.activation_id
    WHERE a.company_id = $1 AND a.state IN ('scheduled', 'running', 'paused')
      AND s.person_id = $2 AND s.state = 'due')
RETURNING activation_id
