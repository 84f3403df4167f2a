-- Numbers count up inside a package; the package row was written before in this transaction, so two
-- publishers of one package take turns.
INSERT INTO package_version (version_id, package_id, vendor_id, hash, number, state, state_by, state_at, created_at, topic, topic_name)
SELECT $1, $2, $3, $4, COALESCE(MAX(number), 0) + 1, $7, $5, $6, $6, $8, $9
FROM package_version WHERE package_id = $2
