-- Their consent changed, which the last pass of a running expansion must see.
UPDATE contact SET change_number = v.column2
FROM (VALUES /* rows */) AS v
WHERE contact.contact_id = v.column1
