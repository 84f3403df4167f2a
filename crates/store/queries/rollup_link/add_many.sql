INSERT INTO rollup_link (activation_id, step_key, targets_id, link, who, events, messages) VALUES /* rows */
ON CONFLICT (activation_id, step_key, targets_id, link, who) DO UPDATE
SET events = rollup_link.events + excluded.events, messages = rollup_link.messages + excluded.messages
