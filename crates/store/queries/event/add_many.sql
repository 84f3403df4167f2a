INSERT INTO event (event_id, send_id, activation_id, kind, source_number, at, detail) VALUES /* rows */
ON CONFLICT (send_id, kind, source_number) DO NOTHING
RETURNING send_id, kind, source_number
