INSERT INTO rollup_hour (activation_id, hour, step_key, kind, who, events, messages) VALUES /* rows */
ON CONFLICT (activation_id, hour, step_key, kind, who) DO UPDATE
SET events = rollup_hour.events + excluded.events, messages = rollup_hour.messages + excluded.messages
