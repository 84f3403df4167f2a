-- What is paused above a single activation: `all`, or the id of a vendor, partner, package or version. holder says for
-- whom, and so who may lift it: pauses of one subject by several holders are several rows.
CREATE TABLE pause (
    subject TEXT NOT NULL,
    holder  TEXT NOT NULL,
    who     TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (subject, holder)
);

-- Who paused an activation itself, and when; null in every other state, and where an older program paused it.
ALTER TABLE activation ADD COLUMN paused_by TEXT;
ALTER TABLE activation ADD COLUMN paused_at BIGINT;

-- Sends that wait for a person, or that a person may want tried again: found by why, in the order of their numbers.
CREATE INDEX send_stuck ON send (reason, send_id) WHERE state IN ('held', 'failed');
-- Of which nobody knows whether they went.
CREATE INDEX event_unknown ON event (send_id) WHERE kind = 'unknown';
-- What was done to one thing.
CREATE INDEX audit_subject ON audit (subject);
