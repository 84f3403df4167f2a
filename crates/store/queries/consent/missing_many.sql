-- Which of these are not there yet.
SELECT v.column1 AS contact_id FROM (VALUES /* rows */) AS v
WHERE NOT EXISTS (SELECT 1 FROM consent c WHERE c.contact_id = v.column1 AND c.basis = v.column2 AND c.source = v.column3)
