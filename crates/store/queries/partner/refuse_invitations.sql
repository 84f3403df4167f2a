UPDATE partner SET no_invitations_since = COALESCE(no_invitations_since, $2) WHERE partner_id = $1
