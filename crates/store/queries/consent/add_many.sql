INSERT INTO consent (contact_id, basis, source, text, at) VALUES /* rows */
ON CONFLICT (contact_id, basis, source) DO NOTHING
