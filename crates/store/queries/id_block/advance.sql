UPDATE id_block SET next_id = next_id + $2 WHERE table_name = $1 RETURNING next_id
