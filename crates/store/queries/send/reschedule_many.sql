-- Those on the belt keep their state: the belt gives them back, and then this time counts.
UPDATE send SET due_at = v.column3, not_before = v.column3
FROM (VALUES /* rows */) AS v
WHERE send.activation_id = v.column1 AND send.step_key = v.column2 AND send.state IN ('due', 'queued')
  AND send.due_at <> v.column3
