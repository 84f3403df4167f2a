UPDATE activation SET state = 'completed', ended_at = v.column2
FROM (VALUES /* rows */) AS v
WHERE activation.activation_id = v.column1 AND activation.state = 'running'
  AND NOT EXISTS (SELECT 1 FROM send WHERE send.activation_id = v.column1 AND send.state = 'due')
  AND NOT EXISTS (SELECT 1 FROM send WHERE send.activation_id = v.column1 AND send.state = 'queued')
RETURNING activation_id
