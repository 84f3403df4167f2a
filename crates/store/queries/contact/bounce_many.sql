UPDATE contact SET address_state = 'bounced'
FROM (VALUES /* rows */) AS v
WHERE contact.contact_id = v.column1 AND contact.address_state = 'ok'
