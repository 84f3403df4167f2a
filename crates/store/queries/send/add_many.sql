-- The unique key absorbs a repeated chunk.
INSERT INTO send (send_id, activation_id, person_id, step_key, occurrence, contact_id, provider, state, reason, due_at,
                  attempts, duplicates)
VALUES /* rows */
ON CONFLICT (activation_id, person_id, step_key, occurrence) DO NOTHING
