SELECT partner_id FROM partner WHERE vendor_id = $1 AND no_invitations_since IS NOT NULL
