SELECT MIN(first_due) AS due_at FROM (
    SELECT (SELECT MIN(s.due_at) FROM send s WHERE s.activation_id = a.activation_id AND s.state = 'due') AS first_due
    FROM activation a WHERE a.state IN ('scheduled', 'running')
) AS lanes
