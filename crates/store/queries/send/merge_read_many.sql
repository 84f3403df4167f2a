SELECT s.send_id, s.activation_id, s.step_key, s.contact_id, s.state, s.reason, s.due_at, s.claim, s.accepted_claim, s.attempts,
       s.duplicates, s.first_fed_at, s.not_before
FROM (VALUES /* rows */) AS v
CROSS JOIN send s
WHERE s.send_id = v.column1
