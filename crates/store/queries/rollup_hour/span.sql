-- Two looks into the key, however many hours there are.
SELECT (SELECT MIN(hour) FROM rollup_hour WHERE activation_id = $1) AS first_hour,
       (SELECT MAX(hour) FROM rollup_hour WHERE activation_id = $1) AS last_hour
