SELECT t.targets_id, t.links
FROM (VALUES /* rows */) AS v
CROSS JOIN link_targets t
WHERE t.targets_id = v.column1
