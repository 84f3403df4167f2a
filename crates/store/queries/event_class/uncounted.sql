SELECT DISTINCT send_id FROM event_class WHERE counted <> class ORDER BY send_id LIMIT $1
