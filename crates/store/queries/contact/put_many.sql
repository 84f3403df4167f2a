-- A bounced address stays bounced: the file does not know better than the relay did.
INSERT INTO contact (contact_id, company_id, list_id, address, address_raw, first_name, last_name, fields, language,
                     address_state, hash_everywhere, hash_company, change_number, created_at, updated_at)
VALUES /* rows */
ON CONFLICT (list_id, address) DO UPDATE SET
    address_raw = excluded.address_raw,
    first_name = excluded.first_name,
    last_name = excluded.last_name,
    fields = excluded.fields,
    language = excluded.language,
    address_state = CASE WHEN contact.address_state = 'bounced' THEN 'bounced' ELSE excluded.address_state END,
    change_number = excluded.change_number,
    updated_at = excluded.updated_at
RETURNING contact_id, address
