-- Where the links of messages lead, by the name of the list. A list is never removed while its mail may lie
-- in a mailbox: a link works for as long as the book has its list.
CREATE TABLE link_targets (
    targets_id TEXT PRIMARY KEY,
    links      BIGINT NOT NULL,
    targets    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What an open or a click was, by the rules of one version. The events themselves stay as they came; these
-- rows can be made again from them. settled is 0 while the acceptance of the send is not in the book.
CREATE TABLE event_class (
    event_id      BIGINT PRIMARY KEY,
    send_id       BIGINT NOT NULL,
    activation_id BIGINT NOT NULL,
    kind          TEXT NOT NULL,
    class         TEXT NOT NULL,
    rule          TEXT NOT NULL,
    rules_version TEXT NOT NULL,
    settled       BIGINT NOT NULL
);
-- Counting an activation reads the index alone; running the rules again walks the sends.
CREATE INDEX event_class_activation ON event_class (activation_id, kind, class, send_id);
CREATE INDEX event_class_send ON event_class (send_id);
CREATE INDEX event_class_unsettled ON event_class (send_id) WHERE settled = 0;
