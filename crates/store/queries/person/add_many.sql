-- Who was added, and whether mail to them is suppressed; who was there already is not among the answers.
INSERT INTO person (person_id, vendor_id, address_hash) VALUES /* rows */
ON CONFLICT (vendor_id, address_hash) DO NOTHING
RETURNING address_hash, person_id,
          CASE WHEN EXISTS (SELECT 1 FROM suppression s
                            WHERE s.scope = 'vendor' AND s.scope_id = person.vendor_id AND s.address_hash = person.address_hash)
               THEN 1 ELSE 0 END AS suppressed_vendor
