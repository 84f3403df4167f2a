-- How many there are of all that a relay has not taken, from the indexes of what is due, queued and ended alone: what was
-- sent is most of a campaign, and is counted where it is recorded.
SELECT 'due' AS state, COUNT(*) AS sends FROM send WHERE activation_id = $1 AND state = 'due'
UNION ALL
SELECT 'queued' AS state, COUNT(*) AS sends FROM send WHERE activation_id = $1 AND state = 'queued'
UNION ALL
SELECT state, COUNT(*) AS sends FROM send
WHERE activation_id = $1 AND state IN ('failed', 'skipped', 'held', 'cancelled')
GROUP BY state
