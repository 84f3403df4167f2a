-- What came back, counted as it was written: by activation, hour of campaign time and step. The hour stands
-- before the step because the first and the last hour of an activation are looked up, and spans are read.
CREATE TABLE rollup_hour (
    activation_id BIGINT NOT NULL,
    hour          BIGINT NOT NULL,
    step_key      TEXT NOT NULL,
    kind          TEXT NOT NULL,
    who           TEXT NOT NULL,
    events        BIGINT NOT NULL,
    messages      BIGINT NOT NULL,
    PRIMARY KEY (activation_id, hour, step_key, kind, who)
);

-- Clicks by link: its number in a list of targets.
CREATE TABLE rollup_link (
    activation_id BIGINT NOT NULL,
    step_key      TEXT NOT NULL,
    targets_id    TEXT NOT NULL,
    link          BIGINT NOT NULL,
    who           TEXT NOT NULL,
    events        BIGINT NOT NULL,
    messages      BIGINT NOT NULL,
    PRIMARY KEY (activation_id, step_key, targets_id, link, who)
);

-- Whether a row is in the counts, and an open or click as what. An older program does not fill these in; what
-- it wrote, before this migration or after it, is found by them and counted in bounded batches.
ALTER TABLE event ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;
CREATE INDEX event_uncounted ON event (send_id)
    WHERE counted = 0 AND kind IN ('accepted', 'bounced', 'unsubscribed');
ALTER TABLE event_class ADD COLUMN counted TEXT NOT NULL DEFAULT '';
CREATE INDEX event_class_uncounted ON event_class (send_id) WHERE counted <> class;

-- How sends ended that did not go: few, and counted from this index alone.
CREATE INDEX send_ended ON send (activation_id, step_key, state, reason)
    WHERE state IN ('failed', 'skipped', 'held', 'cancelled');
-- To whom it happened; for opens and clicks event_class_activation says so.
CREATE INDEX event_of_mail ON event (activation_id, kind, send_id) WHERE kind IN ('bounced', 'unsubscribed');
