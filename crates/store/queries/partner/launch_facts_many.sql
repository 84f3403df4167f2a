SELECT p.partner_id, p.company_id, p.revision
FROM (VALUES /* rows */) AS v
CROSS JOIN partner p
WHERE p.partner_id = v.column1 AND p.vendor_id = v.column2
