-- One row a bucket: the activation, and where the bucket begins and ends.
SELECT v.column2 AS bucket, r.step_key, r.kind, r.who,
       CAST(SUM(r.events) AS BIGINT) AS events, CAST(SUM(r.messages) AS BIGINT) AS messages
FROM (VALUES /* rows */) AS v
CROSS JOIN rollup_hour r
WHERE r.activation_id = v.column1 AND r.hour >= v.column2 AND r.hour < v.column3
GROUP BY v.column2, r.step_key, r.kind, r.who
ORDER BY v.column2, r.step_key, r.kind, r.who
