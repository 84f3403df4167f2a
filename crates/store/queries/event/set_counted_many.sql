UPDATE event SET counted = 1 FROM (VALUES /* rows */) AS v WHERE event.event_id = v.column1
