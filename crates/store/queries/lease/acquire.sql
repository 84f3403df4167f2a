-- The number grows whenever the lease passes to a holder anew, and never goes back: it is the fence.
INSERT INTO lease (name, holder, number, expires_at) VALUES ($1, $2, 1, $3)
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    number = CASE WHEN lease.holder = excluded.holder AND lease.expires_at > $4 THEN lease.number ELSE lease.number + 1 END,
    expires_at = excluded.expires_at
WHERE lease.expires_at <= $4 OR lease.holder = excluded.holder
RETURNING number
