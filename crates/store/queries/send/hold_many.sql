UPDATE send SET state = 'held', reason = v.column2 FROM (VALUES /* rows */) AS v
WHERE send.send_id = v.column1 AND send.state = 'queued'
RETURNING activation_id
