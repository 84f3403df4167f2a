-- What is still due to one person from one partner's live activations about one topic.
UPDATE send SET state = 'skipped', reason = 'suppressed_topic'
WHERE state = 'due' AND send_id IN (
    SELECT s.send_id FROM activation a
    JOIN package_version v ON v.version_id = a.version_id
    JOIN send s ON s.activation_id = a.activation_id
    WHERE a.partner_id = $1 AND a.state IN ('scheduled', 'running', 'paused') AND v.topic = $2
      AND s.person_id = $3 AND s.state = 'due')
RETURNING activation_id
