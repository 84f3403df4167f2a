SELECT DISTINCT send_id FROM event_class WHERE send_id > $1 ORDER BY send_id LIMIT $2
