UPDATE send SET state = 'due', due_at = v.column2 FROM (VALUES /* rows */) AS v
WHERE send.send_id = v.column1 AND send.state = 'queued'
