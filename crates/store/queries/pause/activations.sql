SELECT activation_id, vendor_id, company_id, paused_by, paused_at FROM activation
WHERE state = 'paused' ORDER BY activation_id
