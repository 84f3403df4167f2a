INSERT INTO person (person_id, vendor_id, address_hash) VALUES /* rows */
ON CONFLICT (vendor_id, address_hash) DO NOTHING
