-- How many relays have taken for each partner since an hour began.
SELECT a.partner_id, CAST(SUM(r.events) AS BIGINT) AS events
FROM rollup_hour r CROSS JOIN activation a
WHERE r.kind = 'accepted' AND r.hour >= $1 AND a.activation_id = r.activation_id
GROUP BY a.partner_id
