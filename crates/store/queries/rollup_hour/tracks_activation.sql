SELECT r.activation_id, r.kind, r.who, CAST(SUM(r.events) AS BIGINT) AS events,
       CAST(SUM(r.messages) AS BIGINT) AS messages
FROM rollup_hour r
WHERE r.activation_id = $1 AND r.kind IN ('opened', 'clicked')
GROUP BY r.activation_id, r.kind, r.who
ORDER BY r.activation_id, r.kind, r.who
