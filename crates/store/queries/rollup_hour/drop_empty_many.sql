-- What a count was moved away from: an hour in which nothing is left is none of the activation's.
DELETE FROM rollup_hour
WHERE events = 0 AND (activation_id, hour, step_key, kind, who) IN (VALUES /* rows */)
