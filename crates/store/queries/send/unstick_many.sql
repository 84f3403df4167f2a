-- Only what is still as it was read: a late answer may have said in between how it ended.
UPDATE send
SET state = v.column4, reason = v.column5, due_at = v.column6, first_fed_at = NULL
FROM (VALUES /* rows */) AS v
WHERE send.send_id = v.column1 AND send.state = v.column2 AND send.reason = v.column3
RETURNING send_id
