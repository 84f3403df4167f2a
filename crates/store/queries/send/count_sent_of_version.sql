SELECT COUNT(*) AS sent FROM activation a JOIN send s ON s.activation_id = a.activation_id
WHERE a.version_id = $1 AND s.state = 'sent'
