-- What is written here is counted in the same transaction, so it stands as counted.
INSERT INTO event (event_id, send_id, activation_id, kind, source_number, at, detail, counted) VALUES /* rows */
ON CONFLICT (send_id, kind, source_number) DO NOTHING
RETURNING event_id, send_id, kind, source_number
