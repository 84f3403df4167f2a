SELECT (SELECT COUNT(*) FROM send WHERE state = 'due') AS due,
       (SELECT COUNT(*) FROM send WHERE state = 'queued') AS queued,
       (SELECT COUNT(*) FROM activation WHERE state IN ('scheduled', 'running')) AS live
