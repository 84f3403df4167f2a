"""The feed of a fleet whose book has millions of due sends in thousands of lanes."""
import contextlib, json, sqlite3, time

from fleet import Fleet, REDIS_SETTINGS, percentile, say, wait_for

# Passes before these are not counted: the belt's window is filled up at once, and every partner is met for the first time.
WARM_UP_PASSES = 20


def fill(book, lanes, due):
    """Contacts and due sends of every lane, by SQL, as import and expand would have left them: the first lane's are the pattern."""
    pattern, = book.execute("SELECT l.list_id FROM contact_list l JOIN partner p ON p.company_id = l.company_id WHERE p.partner_key = 'f0'").fetchone()
    each = book.execute("SELECT COUNT(*) FROM contact WHERE list_id = ?", (pattern,)).fetchone()[0]
    first_contact = book.execute("SELECT MAX(contact_id) FROM contact").fetchone()[0] + 1
    book.execute("""
        INSERT INTO contact (contact_id, company_id, list_id, address, address_raw, first_name, last_name, fields, language, address_state,
                             hash_everywhere, hash_company, change_number, created_at, updated_at)
        SELECT ? + (a.activation_id * ?) + c.contact_id, a.company_id, a.list_id, c.address || a.activation_id, c.address_raw || a.activation_id,
               c.first_name, c.last_name, c.fields, c.language, c.address_state, lower(hex(randomblob(length(c.hash_everywhere) / 2))),
               lower(hex(randomblob(length(c.hash_company) / 2))), c.change_number, c.created_at, c.updated_at
        FROM activation a JOIN contact c ON c.list_id = ? WHERE a.list_id <> ?""", (first_contact, first_contact, pattern, pattern))
    book.execute("INSERT INTO person (person_id, vendor_id, address_hash) SELECT (1 << 40) + c.contact_id, (SELECT MIN(vendor_id) FROM vendor),"
                 " lower(hex(randomblob(length(c.hash_company) / 2))) FROM contact c")
    providers = ["gmail", "microsoft", "yahoo", "apple", "example.com"]
    by = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(providers))
    # In the order in which expand writes them: lane by lane.
    book.execute(f"""
        INSERT INTO send (send_id, activation_id, person_id, step_key, occurrence, contact_id, provider, state, reason, due_at, attempts, duplicates)
        SELECT row_number() OVER (ORDER BY a.activation_id, c.contact_id), a.activation_id, (1 << 40) + c.contact_id, 'announce', 0, c.contact_id,
               CASE c.contact_id % {len(providers)} {by} END, 'due', '', a.start_at, 0, 0
        FROM activation a JOIN contact c ON c.list_id = a.list_id ORDER BY a.activation_id, c.contact_id""")
    sends, = book.execute("SELECT COUNT(*) FROM send").fetchone()
    book.execute("UPDATE id_block SET next_id = next_id + ? WHERE table_name = 'send'", (sends + 1_000_000,))
    book.execute("UPDATE id_block SET next_id = ? WHERE table_name = 'contact'", (1 << 39,))
    book.execute("UPDATE id_block SET next_id = ? WHERE table_name = 'person'", (1 << 41,))
    book.execute("UPDATE activation SET state = 'running', expanded_at = start_at, audience = ?", (each,))
    book.execute("ANALYZE")
    return sends


def lists_for_all(book):
    """Every partner's company has a list called as the first one's."""
    list_id, = book.execute("SELECT list_id FROM contact_list").fetchone()
    # An id is a prefix and 26 letters of base 32: the last eight are counted through.
    rows = book.execute("SELECT company_id FROM partner WHERE partner_key <> 'f0' ORDER BY partner_key").fetchall()
    head = list_id[:-8]
    book.executemany("INSERT INTO contact_list (list_id, company_id, name, name_key, created_at) SELECT ?, ?, name, name_key, created_at"
                     " FROM contact_list WHERE list_id = ?", ((f"{head}{n:08d}", company, list_id) for n, (company,) in enumerate(rows)))
    return len(rows) + 1


def passes(path):
    """What the feed says of its passes, in its log."""
    for line in path.read_text().splitlines():
        if '"pass"' in line:
            row = json.loads(line)
            if row.get("message") == "pass" and row.get("scheduler.loop") == "feed":
                yield row["passed.rows"], row["duration_ms"]


def measure_feed(fleet, asked, raw):
    fleet.set_up(relay="smtp-sink")
    each = max(1, asked.due // asked.feed_lanes)
    fleet.add_partners("f", asked.feed_lanes)
    fleet.add_contacts("f0", each)
    with contextlib.closing(sqlite3.connect(fleet.book, timeout=30)) as book:
        lists_for_all(book)
        book.commit()
    fleet.launch()
    with contextlib.closing(sqlite3.connect(fleet.book, timeout=30)) as book:
        # Only how the bench fills the book; the fleet opens it with its own settings.
        book.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000;")
        sends = fill(book, asked.feed_lanes, asked.due)
        book.commit()
        book.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    say(f"the book has {sends} due sends; the fleet goes")
    fleet.start_scheduler("info,scheduler=debug")
    fleet.start_workers(2)
    time.sleep(asked.feed_seconds)
    fleet.check()
    found = list(passes(fleet.folder / "scheduler.log"))
    left = fleet.query("SELECT COUNT(*) FROM (SELECT 1 FROM send WHERE state = 'due' LIMIT 1000)")
    counted = found[WARM_UP_PASSES:]
    if not left or len(counted) < 20:
        raise SystemExit(f"bench/belt: {len(found)} passes of the feed, {left} sends left: no figure")
    raw.writelines(json.dumps({"pass": n, "rows": rows, "ms": round(ms, 2)}) + "\n" for n, (rows, ms) in enumerate(found))
    times = [ms for _, ms in counted]
    print(f"feed: {sends} due sends of {asked.feed_lanes} lanes at 5 providers; passes that moved rows, from the look at the belt to the push, while 2 workers "
          f"send into Postfix's smtp-sink; warm-up: {WARM_UP_PASSES} passes; {fleet.settings}; {REDIS_SETTINGS}")
    return {"feed_due": sends, "feed_lanes": asked.feed_lanes, "feed_passes": len(counted),
            "feed_rows_per_pass": round(sum(rows for rows, _ in counted) / len(counted)),
            "feed_p50_ms": round(percentile(times, 0.5), 1), "feed_p99_ms": round(percentile(times, 0.99), 1), "feed_max_ms": round(max(times), 1)}


def measure(folder, binary, asked, out):
    if "feed" not in asked.parts:
        return {}
    say(f"a feed with {asked.due} due sends over {asked.feed_lanes} lanes")
    fleet = Fleet(binary, folder)
    try:
        with (out / "belt-feed.ndjson").open("w") as raw:
            return measure_feed(fleet, asked, raw)
    finally:
        fleet.stop()
