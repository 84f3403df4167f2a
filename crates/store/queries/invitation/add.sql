INSERT INTO invitation (invitation_id, vendor_id, partner_id, package_id, state, activation_id, expires_at, mail_id, mail_state,
                        mail_at, mail_reason, mail_attempts, first_fed_at, who, created_at, updated_at)
VALUES ($1, $2, $3, $4, 'open', NULL, $5, $6, 'due', $7, '', 0, NULL, $8, $7, $7)
ON CONFLICT DO NOTHING
