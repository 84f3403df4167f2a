UPDATE rollup_link SET step_key = $3 WHERE activation_id = $1 AND step_key = $2
