SELECT s.send_id, s.activation_id, a.vendor_id, a.partner_id, a.company_id, s.contact_id, s.person_id, s.step_key,
       s.occurrence, s.state, s.reason, c.address, c.language, c.hash_everywhere, p.address_hash AS hash_vendor, c.hash_company,
       m.name AS partner_name, n.name AS vendor_name
FROM send s
JOIN activation a ON a.activation_id = s.activation_id
JOIN contact c ON c.contact_id = s.contact_id
JOIN person p ON p.person_id = s.person_id
JOIN company m ON m.company_id = a.company_id
JOIN vendor n ON n.vendor_id = a.vendor_id
WHERE s.send_id = $1
