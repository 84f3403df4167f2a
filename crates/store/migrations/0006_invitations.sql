-- Partners who are asked, by a link in a mail, to launch a package. The link is sealed over mail_id, a number of
-- the sends', so that a mail that is sent again has another link and the earlier one opens nothing.
CREATE TABLE invitation (
    invitation_id TEXT PRIMARY KEY,
    vendor_id     TEXT NOT NULL REFERENCES vendor (vendor_id),
    partner_id    TEXT NOT NULL REFERENCES partner (partner_id),
    package_id    TEXT NOT NULL REFERENCES package (package_id),
    state         TEXT NOT NULL,
    activation_id BIGINT,
    expires_at    BIGINT NOT NULL,
    mail_id       BIGINT NOT NULL UNIQUE,
    mail_state    TEXT NOT NULL,
    mail_at       BIGINT NOT NULL,
    mail_reason   TEXT NOT NULL,
    mail_attempts BIGINT NOT NULL,
    first_fed_at  BIGINT,
    who           TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
-- A second invitation to the same answers with the first.
CREATE UNIQUE INDEX invitation_open ON invitation (partner_id, package_id) WHERE state = 'open';
CREATE INDEX invitation_vendor ON invitation (vendor_id, invitation_id);
CREATE INDEX invitation_mail_due ON invitation (mail_at, mail_id) WHERE mail_state = 'due';
CREATE INDEX invitation_mail_queued ON invitation (mail_at, mail_id) WHERE mail_state = 'queued';

-- Since when a partner wants no invitations; none while it does.
ALTER TABLE partner ADD COLUMN no_invitations_since BIGINT;

-- Whom a vendor's invitations come from, as JSON; none until the vendor has said.
ALTER TABLE vendor ADD COLUMN sender TEXT;
