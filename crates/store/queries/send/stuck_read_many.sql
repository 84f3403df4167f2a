SELECT s.send_id, s.activation_id, a.partner_id, a.state AS activation_state, s.state, s.reason, s.claim, s.due_at, s.not_before,
       CASE WHEN EXISTS (SELECT 1 FROM event e WHERE e.send_id = s.send_id AND e.kind = 'unknown' AND e.source_number = s.claim)
            THEN 1 ELSE 0 END AS is_unknown
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
CROSS JOIN activation a
WHERE s.send_id = v.column1 AND a.activation_id = s.activation_id
