-- Due and queued in one statement: the recorder makes queued sends due again, and between two statements
-- one would slip through.
UPDATE send SET state = 'cancelled', reason = $2
WHERE state IN ('due', 'queued') AND send_id IN (
    SELECT send_id FROM (
        SELECT send_id FROM send WHERE activation_id = $1 AND state = 'due'
        UNION ALL
        SELECT send_id FROM send WHERE activation_id = $1 AND state = 'queued'
    ) AS still_open
    LIMIT 500)
