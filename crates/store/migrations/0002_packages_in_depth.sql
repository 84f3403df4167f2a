-- What a package may ask of a partner beside its tier; empty where the vendor has not said.
ALTER TABLE partner ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE partner ADD COLUMN partner_type TEXT NOT NULL DEFAULT '';

-- When the event is that an activation's steps are dated from; null for other motions.
ALTER TABLE activation ADD COLUMN event_at BIGINT;
-- Counts the changes after which what was queued before must not go out any more.
ALTER TABLE activation ADD COLUMN schedule_revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE activation ADD COLUMN revised_at BIGINT;
-- When it was moved to another version of its package: what that version would have sent before is late.
ALTER TABLE activation ADD COLUMN migrated_at BIGINT;
-- The time such a change gave a send: what comes back from the belt later goes no sooner.
ALTER TABLE send ADD COLUMN not_before BIGINT;
