-- What a version's mail is about, for recipients who want some mail and not other; empty: nothing in particular. The
-- name is JSON: a text, or one for each language.
ALTER TABLE package_version ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE package_version ADD COLUMN topic_name TEXT NOT NULL DEFAULT '""';
-- In table suppression the scope may now be `topic` too: scope_id is `<partner_id>/<topic>`, the hash is the company's.
