-- Only what the person asked for can the person take back.
DELETE FROM suppression
WHERE scope = $1 AND scope_id = $2 AND address_hash = $3 AND reason = 'unsubscribed'
