-- Keys of the API. Of a key only a hash is kept; scope and scope_id say for whom it asks (scope_id is empty for ops).
CREATE TABLE api_key (
    key_id      TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    scope       TEXT NOT NULL,
    scope_id    TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    revoked_at  BIGINT,
    used_at     BIGINT
);

-- What a key's request with an Idempotency-Key was answered. status is null while it is under way; begun_at tells a
-- request that is under way from one whose process died.
CREATE TABLE api_request (
    key_id          TEXT NOT NULL REFERENCES api_key (key_id),
    idempotency_key TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    begun_at        BIGINT NOT NULL,
    forget_at       BIGINT NOT NULL,
    status          BIGINT,
    content_type    TEXT,
    body            BYTEA,
    PRIMARY KEY (key_id, idempotency_key)
);
CREATE INDEX api_request_forget ON api_request (forget_at);

-- Lists are read a page at a time, by the id behind which the page before ended.
CREATE INDEX activation_vendor_walk ON activation (vendor_id, activation_id);
CREATE INDEX activation_vendor_state_walk ON activation (vendor_id, state, activation_id);
CREATE INDEX activation_company_walk ON activation (company_id, activation_id);
CREATE INDEX partner_vendor_walk ON partner (vendor_id, partner_id);
CREATE INDEX partner_vendor_tier_walk ON partner (vendor_id, tier, partner_id);
CREATE INDEX partner_company_walk ON partner (company_id, partner_id);
CREATE INDEX package_vendor_walk ON package (vendor_id, package_id);
