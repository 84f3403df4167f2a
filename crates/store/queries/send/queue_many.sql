-- Only what is still as it was read: whoever moved it meanwhile has decided.
UPDATE send
SET state = v.column3, reason = v.column4, fed_at = v.column5, first_fed_at = COALESCE(send.first_fed_at, v.column5)
FROM (VALUES /* rows */) AS v
WHERE send.send_id = v.column1 AND send.state = v.column2
RETURNING send_id
