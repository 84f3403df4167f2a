SELECT targets FROM link_targets WHERE targets_id = $1
