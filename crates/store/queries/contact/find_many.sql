-- What a list holds under the addresses of an import.
SELECT c.contact_id, c.address, c.address_raw, c.first_name, c.last_name, c.fields, c.language, c.address_state
FROM (VALUES /* rows */) AS v
CROSS JOIN contact c
WHERE c.list_id = v.column1 AND c.address = v.column2
