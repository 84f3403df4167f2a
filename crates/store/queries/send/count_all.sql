SELECT s.activation_id, s.step_key, s.state, s.reason, COUNT(*) AS sends, CAST(SUM(s.duplicates) AS BIGINT) AS duplicates
FROM send s JOIN activation a ON a.activation_id = s.activation_id
GROUP BY s.activation_id, s.step_key, s.state, s.reason
ORDER BY s.activation_id, s.step_key, s.state, s.reason
