SELECT activation_id FROM activation WHERE version_id = $1 AND state = 'recalled'
