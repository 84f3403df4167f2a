-- The next provider that a live activation has due sends for: one look into send_due_provider.
SELECT MIN(provider) AS provider FROM send
WHERE activation_id = $1 AND state = 'due' AND provider > $2
