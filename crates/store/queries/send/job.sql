-- All that the book has of one send.
SELECT s.send_id, s.activation_id, a.vendor_id, a.company_id, a.partner_id, p.partner_key, m.name AS partner_name, k.slug, v.number,
       s.step_key, s.occurrence, s.state, s.reason, s.attempts, s.due_at, s.provider, s.claim, s.accepted_claim, s.duplicates, s.fed_at,
       s.first_fed_at, s.not_before, c.address, a.state AS activation_state
FROM send s
JOIN activation a ON a.activation_id = s.activation_id
JOIN partner p ON p.partner_id = a.partner_id
JOIN company m ON m.company_id = a.company_id
JOIN package k ON k.package_id = a.package_id
JOIN package_version v ON v.version_id = a.version_id
JOIN contact c ON c.contact_id = s.contact_id
WHERE s.send_id = $1
