SELECT l.step_key, l.targets_id, l.link, l.who, l.events, l.messages, t.targets
FROM rollup_link l
LEFT JOIN link_targets t ON t.targets_id = l.targets_id
WHERE l.activation_id = $1
ORDER BY l.step_key, l.link, l.targets_id, l.who
