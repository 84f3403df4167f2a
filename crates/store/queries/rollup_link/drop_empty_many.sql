DELETE FROM rollup_link
WHERE events = 0 AND (activation_id, step_key, targets_id, link, who) IN (VALUES /* rows */)
