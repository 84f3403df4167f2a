INSERT INTO event_class (event_id, send_id, activation_id, kind, class, rule, rules_version, settled)
VALUES /* rows */
ON CONFLICT (event_id) DO UPDATE
SET class = excluded.class, rule = excluded.rule, rules_version = excluded.rules_version, settled = excluded.settled
WHERE event_class.class <> excluded.class OR event_class.rule <> excluded.rule
   OR event_class.rules_version <> excluded.rules_version OR event_class.settled <> excluded.settled
