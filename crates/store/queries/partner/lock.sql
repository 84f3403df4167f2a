-- Two imports of one vendor's partners take turns; on SQLite they do anyway.
UPDATE vendor SET name = name WHERE vendor_id = $1
