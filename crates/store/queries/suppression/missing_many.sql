-- Which of these are not there yet.
SELECT v.column3 AS address_hash FROM (VALUES /* rows */) AS v
WHERE NOT EXISTS (SELECT 1 FROM suppression s
                  WHERE s.scope = v.column1 AND s.scope_id = v.column2 AND s.address_hash = v.column3)
