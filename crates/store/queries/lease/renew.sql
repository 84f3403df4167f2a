-- An expired lease can't be renewed: somebody may be taking it right now.
UPDATE lease SET expires_at = $4 WHERE name = $1 AND holder = $2 AND number = $3 AND expires_at > $5 RETURNING number
