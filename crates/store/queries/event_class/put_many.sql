INSERT INTO event_class (event_id, send_id, activation_id, kind, class, rule, rules_version, settled, counted)
VALUES /* rows */
ON CONFLICT (event_id) DO UPDATE
SET class = excluded.class, rule = excluded.rule, rules_version = excluded.rules_version,
    settled = excluded.settled, counted = excluded.counted
