INSERT INTO link_targets (targets_id, links, targets, created_at) VALUES /* rows */
ON CONFLICT (targets_id) DO NOTHING
