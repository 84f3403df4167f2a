SELECT DISTINCT send_id FROM event_class WHERE settled = 0 AND send_id > $1 ORDER BY send_id LIMIT $2
