-- The book, first page. One text for SQLite and Postgres; README.md here says how to write the next one.
--
-- Types: TEXT, BIGINT (numbers, milliseconds UTC, 0/1) and BYTEA. On SQLite the last is a blob by value.
-- States stand as text and as literals in partial indexes, so a statement names them as literals too.

CREATE TABLE vendor (
    vendor_id  TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE company (
    company_id TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX company_name ON company (name_key);

CREATE TABLE sender_identity (
    sender_id  TEXT PRIMARY KEY,
    company_id TEXT NOT NULL REFERENCES company (company_id),
    from_name  TEXT NOT NULL,
    from_email TEXT NOT NULL,
    reply_to   TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (company_id, from_email, from_name, reply_to)
);

CREATE TABLE partner (
    partner_id      TEXT PRIMARY KEY,
    vendor_id       TEXT NOT NULL REFERENCES vendor (vendor_id),
    company_id      TEXT NOT NULL REFERENCES company (company_id),
    partner_key     TEXT NOT NULL,
    tier            TEXT NOT NULL,
    revision        TEXT NOT NULL,
    revision_number BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (vendor_id, partner_key)
);
CREATE INDEX partner_company ON partner (company_id);
CREATE INDEX partner_by_key ON partner (partner_key);

-- A revision never changes. Its name is the hash of brand and sender, so going back to an earlier
-- brand goes back to its row.
CREATE TABLE partner_revision (
    partner_id TEXT NOT NULL REFERENCES partner (partner_id),
    revision   TEXT NOT NULL,
    number     BIGINT NOT NULL,
    brand      TEXT NOT NULL,
    sender_id  TEXT NOT NULL REFERENCES sender_identity (sender_id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (partner_id, revision)
);

CREATE TABLE contact_list (
    list_id    TEXT PRIMARY KEY,
    company_id TEXT NOT NULL REFERENCES company (company_id),
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (company_id, name_key)
);

-- A list belongs to one company, so (list, address) is (company, list, address).
-- change_number is handed out in commit order: what is above a noted number was changed after it.
CREATE TABLE contact (
    contact_id      BIGINT PRIMARY KEY,
    company_id      TEXT NOT NULL REFERENCES company (company_id),
    list_id         TEXT NOT NULL REFERENCES contact_list (list_id),
    address         TEXT NOT NULL,
    address_raw     TEXT NOT NULL,
    first_name      TEXT NOT NULL,
    last_name       TEXT NOT NULL,
    fields          TEXT NOT NULL,
    language        TEXT NOT NULL,
    address_state   TEXT NOT NULL,
    hash_everywhere TEXT NOT NULL,
    hash_company    TEXT NOT NULL,
    erased_at       BIGINT,
    change_number   BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (list_id, address)
);
CREATE INDEX contact_walk ON contact (list_id, contact_id);
CREATE INDEX contact_change ON contact (list_id, change_number);

CREATE TABLE consent (
    contact_id BIGINT NOT NULL REFERENCES contact (contact_id),
    basis      TEXT NOT NULL,
    source     TEXT NOT NULL,
    text       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (contact_id, basis, source)
);

CREATE TABLE person (
    person_id    BIGINT PRIMARY KEY,
    vendor_id    TEXT NOT NULL REFERENCES vendor (vendor_id),
    address_hash TEXT NOT NULL,
    UNIQUE (vendor_id, address_hash)
);

-- scope: everywhere (scope_id empty), vendor, company.
CREATE TABLE suppression (
    scope        TEXT NOT NULL,
    scope_id     TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    reason       TEXT NOT NULL,
    source       TEXT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (scope, scope_id, address_hash)
);
CREATE INDEX suppression_at ON suppression (at);

CREATE TABLE package (
    package_id TEXT PRIMARY KEY,
    vendor_id  TEXT NOT NULL REFERENCES vendor (vendor_id),
    slug       TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (vendor_id, slug)
);

CREATE TABLE package_blob (
    hash       TEXT PRIMARY KEY,
    content    BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE package_version (
    version_id TEXT PRIMARY KEY,
    package_id TEXT NOT NULL REFERENCES package (package_id),
    vendor_id  TEXT NOT NULL REFERENCES vendor (vendor_id),
    hash       TEXT NOT NULL REFERENCES package_blob (hash),
    number     BIGINT NOT NULL,
    state      TEXT NOT NULL,
    state_by   TEXT NOT NULL,
    state_at   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (package_id, hash),
    UNIQUE (package_id, number)
);

CREATE TABLE asset (
    hash         TEXT PRIMARY KEY,
    content      BYTEA NOT NULL,
    content_type TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE TABLE launch_group (
    group_id   TEXT PRIMARY KEY,
    vendor_id  TEXT NOT NULL REFERENCES vendor (vendor_id),
    package_id TEXT NOT NULL REFERENCES package (package_id),
    version_id TEXT NOT NULL REFERENCES package_version (version_id),
    kind       TEXT NOT NULL,
    who        TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE activation (
    activation_id BIGINT PRIMARY KEY,
    vendor_id     TEXT NOT NULL REFERENCES vendor (vendor_id),
    partner_id    TEXT NOT NULL REFERENCES partner (partner_id),
    company_id    TEXT NOT NULL REFERENCES company (company_id),
    package_id    TEXT NOT NULL REFERENCES package (package_id),
    version_id    TEXT NOT NULL REFERENCES package_version (version_id),
    version_hash  TEXT NOT NULL,
    revision      TEXT NOT NULL,
    list_id       TEXT NOT NULL REFERENCES contact_list (list_id),
    group_id      TEXT NOT NULL REFERENCES launch_group (group_id),
    state         TEXT NOT NULL,
    slots         TEXT NOT NULL,
    start_at      BIGINT NOT NULL,
    expand_cursor BIGINT NOT NULL,
    expand_mark   BIGINT,
    expanded_at   BIGINT,
    audience      BIGINT,
    created_at    BIGINT NOT NULL,
    ended_at      BIGINT
);
-- What makes a thousand clicks one activation.
CREATE UNIQUE INDEX activation_live ON activation (partner_id, package_id)
    WHERE state IN ('scheduled', 'running', 'paused');
CREATE INDEX activation_latest ON activation (partner_id, package_id, activation_id);
CREATE INDEX activation_state ON activation (state, activation_id);
CREATE INDEX activation_version ON activation (version_id);
CREATE INDEX activation_company ON activation (company_id);

-- No foreign keys here: every row is written beside a locked activation, and each key would cost a
-- look-up in the hottest insert there is.
CREATE TABLE send (
    send_id        BIGINT PRIMARY KEY,
    activation_id  BIGINT NOT NULL,
    person_id      BIGINT NOT NULL,
    step_key       TEXT NOT NULL,
    occurrence     BIGINT NOT NULL,
    contact_id     BIGINT NOT NULL,
    provider       TEXT NOT NULL,
    state          TEXT NOT NULL,
    reason         TEXT NOT NULL,
    due_at         BIGINT NOT NULL,
    claim          BIGINT,
    accepted_claim BIGINT,
    attempts       BIGINT NOT NULL,
    duplicates     BIGINT NOT NULL,
    fed_at         BIGINT,
    first_fed_at   BIGINT,
    UNIQUE (activation_id, person_id, step_key, occurrence)
);
-- Feed asks each live activation for its next due sends; a paused one costs nothing.
CREATE INDEX send_due ON send (activation_id, due_at, send_id) WHERE state = 'due';
-- Reconcile walks what is on the belt; its size is the belt's window.
CREATE INDEX send_queued ON send (activation_id, send_id, fed_at) WHERE state = 'queued';

CREATE TABLE event (
    event_id      BIGINT PRIMARY KEY,
    send_id       BIGINT NOT NULL,
    activation_id BIGINT NOT NULL,
    kind          TEXT NOT NULL,
    source_number BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    detail        TEXT NOT NULL,
    UNIQUE (send_id, kind, source_number)
);
CREATE INDEX event_activation ON event (activation_id, event_id);

CREATE TABLE lease (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    number     BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE id_block (
    table_name TEXT PRIMARY KEY,
    next_id    BIGINT NOT NULL
);
INSERT INTO id_block (table_name, next_id)
VALUES ('contact', 1), ('person', 1), ('activation', 1), ('send', 1), ('event', 1);

CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('epoch', 0), ('contact_change', 0);

CREATE TABLE worker_roster (
    worker  TEXT PRIMARY KEY,
    epoch   BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE recorder_position (
    stream   TEXT PRIMARY KEY,
    position TEXT NOT NULL
);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE audit (
    audit_id TEXT PRIMARY KEY,
    at       BIGINT NOT NULL,
    who      TEXT NOT NULL,
    action   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    detail   TEXT NOT NULL
);
