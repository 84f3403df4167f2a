-- Only where the row is as it was read; the rest is read and merged again.
UPDATE send
SET state = v.column2, reason = v.column3, due_at = v.column4, claim = v.column5, accepted_claim = v.column6,
    attempts = v.column7, duplicates = v.column8
FROM (VALUES /* rows */) AS v
WHERE send.send_id = v.column1 AND send.state = v.column9 AND send.claim IS NOT DISTINCT FROM v.column10
  AND send.attempts = v.column11 AND send.duplicates = v.column12
RETURNING send_id
