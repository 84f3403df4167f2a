UPDATE activation SET expand_cursor = $2 WHERE activation_id = $1
