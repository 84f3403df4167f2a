"""Fleets of the product's own processes: an idle one, equal lanes, one message behind a million, and a limit with more and more workers."""
import collections, json, random, re, socket, time

from fleet import Fleet, REDIS_SETTINGS, percentile, say, wait_for

# Length of the windows in which permits are counted, in seconds; the ledger's is the last one.
WINDOWS = (0.1, 1, 10)
# A limit is looked at once all workers have connections: what goes on before is not counted.
WARM_UP_SECONDS = 5


def partner_of(mail_from):
    return mail_from.split("@")[1].removesuffix(".example")


def launch_one(fleet, ids, partner):
    return fleet.post("/api/v1/launches", {"package": ids["package"], "partners": [ids[partner]], "list": "customers"})


def ids_of(fleet):
    """What the API asks by: the package's id and every partner's."""
    rows = fleet.rows("SELECT 'package', package_id FROM package WHERE slug = 'product-launch' UNION ALL SELECT partner_key, partner_id FROM partner")
    return dict(rows)


def wait_of_first(fleet, ids, partner, start):
    """Launches for one partner; milliseconds from asking, and from the answer, until the relay has taken its message."""
    asked = launch_one(fleet, ids, partner)
    answered = time.time() * 1_000

    def taken():
        nonlocal start
        lines, start = fleet.ledger(start)
        return next((at for at, mail_from in lines if partner_of(mail_from) == partner), None)

    # The ledger is looked into off the beat of what is measured; the time is its own.
    at = wait_for(f"the message of {partner}", 60, taken, 0.011)
    return at - asked, at - answered, start


def commands_of_clients(fleet, seconds):
    """Commands that clients sent, scripts counted as one."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(fleet.redis_path))
        monitor.sendall(b"MONITOR\r\n")
        monitor.settimeout(0.2)
        text, until = b"", time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                text += monitor.recv(1 << 20)
            except TimeoutError:
                pass
    return sum(1 for line in text.splitlines() if b"lua]" not in line) - 1


def measure_idle(fleet, asked, raw):
    fleet.set_up()
    fleet.add_partners("i", asked.idle, 1)
    fleet.start_scheduler()
    fleet.start_workers(2)
    fleet.start_portal()
    ids, start, waits = ids_of(fleet), 0, []
    for n in range(asked.idle):
        wait_for("an idle fleet", 60, lambda: not fleet.backlog())
        # Off the beat of what wakes up by itself every second.
        time.sleep(random.uniform(0.2, 1.2))
        from_asking, from_answer, start = wait_of_first(fleet, ids, f"i{n}", start)
        waits.append((from_asking, from_answer))
        raw.write(json.dumps({"launch": n, "asked_to_taken_ms": round(from_asking, 1), "answered_to_taken_ms": round(from_answer, 1)}) + "\n")
    fleet.check()
    time.sleep(3)
    few = commands_of_clients(fleet, 20)
    fleet.start_workers(4)
    time.sleep(3)
    many = commands_of_clients(fleet, 20)
    raw.write(json.dumps({"commands_in_20_s_of_2_workers": few, "of_6_workers": many}) + "\n")
    print(f"idle: {asked.idle} launches of one message by the API, one after the other, on a fleet of 1 scheduler, 2 workers of 50 hands and a portal; "
          f"no warm-up: the first one counts; relay: the sink, its ledger's clock; {fleet.settings}; {REDIS_SETTINGS}")
    return {
        "idle_to_start_p50_ms": round(percentile([it for _, it in waits], 0.5), 1),
        "idle_to_start_p99_ms": round(percentile([it for _, it in waits], 0.99), 1),
        "idle_launch_to_accept_p99_ms": round(percentile([it for it, _ in waits], 0.99), 1),
        "idle_commands_per_worker_per_s": round((many - few) / 4 / 20, 2),
    }


def measure_fair(fleet, asked, raw):
    fleet.set_up()
    fleet.add_partners("e", asked.lanes, asked.each)
    fleet.start_scheduler()
    fleet.launch()
    expanded = "SELECT COUNT(*) FROM activation WHERE expanded_at IS NULL"
    wait_for("the audiences", 1_800, lambda: fleet.query(expanded) == 0, 0.5)
    fleet.start_workers(2)
    total, taken, start = asked.lanes * asked.each, [], 0
    deadline = time.monotonic() + 1_800
    while len(taken) < total // 2 and time.monotonic() < deadline:
        lines, start = fleet.ledger(start)
        taken += lines
        time.sleep(0.5)
    fleet.check()
    half = collections.Counter(partner_of(mail_from) for _, mail_from in sorted(taken)[: total // 2])
    shares = [half.get(f"e{n}", 0) for n in range(asked.lanes)]
    raw.write(json.dumps({"messages_of_lanes": shares}) + "\n")
    print(f"fair: {asked.lanes} partners of one tier with {asked.each} messages each; counted when half of all were taken by the relay: "
          f"{min(shares)} to {max(shares)} of one partner; no warm-up")
    return {"jain_index": round(sum(shares) ** 2 / (len(shares) * sum(it * it for it in shares)), 4), "jain_lanes": len(shares)}


def measure_lone(fleet, asked, raw):
    fleet.set_up()
    fleet.add_partners("big", 1)
    fleet.add_contacts("big0", asked.big)
    fleet.add_partners("l", asked.lone, 1)
    fleet.start_scheduler()
    fleet.start_portal()
    fleet.launch("big0")
    wait_for("the audience", 3_600, lambda: fleet.query("SELECT COUNT(*) FROM activation WHERE expanded_at IS NOT NULL") == 1, 0.5)
    fleet.start_workers(2)
    ids, start = ids_of(fleet), 0
    wait_for("the first of the many", 30, lambda: len(fleet.ledger()[0]) > 1_000, 0.2)
    waits, began, before = [], time.monotonic(), len(fleet.ledger()[0])
    for n in range(asked.lone):
        time.sleep(random.uniform(0.05, 0.35))
        from_asking, from_answer, start = wait_of_first(fleet, ids, f"l{n}", start)
        waits.append(from_asking)
        raw.write(json.dumps({"launch": n, "asked_to_taken_ms": round(from_asking, 1), "answered_to_taken_ms": round(from_answer, 1)}) + "\n")
    speed = (len(fleet.ledger()[0]) - before) / (time.monotonic() - began)
    fleet.check()
    left = fleet.query("SELECT COUNT(*) FROM send WHERE state IN ('due', 'queued')")
    if not left:
        raise SystemExit("bench/belt: the big partner was through before the last one began: no figure")
    print(f"lone: {asked.lone} partners of one message, launched one after the other by the API, behind one with {asked.big} due, of which {left} were "
          f"left at the end; 1 scheduler, 2 workers of 50 hands; from asking for the launch to the relay's ledger; no warm-up but the first 1,000 messages")
    return {"lone_partner_p50_wait_ms": round(percentile(waits, 0.5), 1), "lone_partner_p99_wait_ms": round(percentile(waits, 0.99), 1),
            "lone_partner_max_wait_ms": round(max(waits), 1), "lone_behind": asked.big, "lone_fleet_msgs_per_s": round(speed)}


def worst_window(times, seconds, rate, burst):
    """The most that lie in a window of this length, as a share of what the limit allows there. Times in seconds, in order."""
    most = first = 0
    for n, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, n - first + 1)
    return most / (rate * seconds + burst)


def permits(fleet, start):
    """Every permit that was taken, by Redis' clock, from the append-only file: a hand says when its permit was taken."""
    files = sorted((fleet.folder / "appendonlydir").glob("*.incr.aof"))
    with files[-1].open("rb") as file:
        file.seek(start)
        text = file.read()
    found = set(re.findall(rb"\r\n(\d+-\d+) [01] (\d{16}) \S+ \S+ \S+ [^\r\n]*\r\n", text))
    return sorted(int(at) / 1e6 for _, at in found), start + len(text)


def measure_limits(fleet, asked, raw):
    rate, burst, seconds = asked.rate, max(1, asked.rate // 10), asked.limit_seconds
    workers_wanted, partners = (1, 2, 4, 8), 20
    fleet.set_up(relay_limit=f"{rate}/s, burst {burst}")
    fleet.add_partners("r", partners, round(rate * (seconds + WARM_UP_SECONDS + 10) * len(workers_wanted) / partners))
    fleet.start_scheduler()
    fleet.launch()
    wait_for("work", 600, lambda: fleet.query("SELECT COUNT(*) FROM send WHERE state = 'queued'") > 1_000, 0.5)
    start = aof = 0
    flat, uses, at_permit, at_ledger = {}, [], [], []
    _, aof = permits(fleet, 0)
    for count in workers_wanted:
        fleet.start_workers(count)
        time.sleep(WARM_UP_SECONDS)
        began = time.time()
        time.sleep(seconds)
        ended = time.time()
        fleet.check()
        if not fleet.backlog():
            raise SystemExit("bench/belt: there was not enough work for the limit: no figure")
        time.sleep(0.5)
        taken, start = fleet.ledger(start)
        taken_at, (given_at, aof) = sorted(at / 1_000 for at, _ in taken), permits(fleet, aof)
        fleet.stop("worker")
        # What went while the workers ended is of no number of them.
        _, start = fleet.ledger(start)
        _, aof = permits(fleet, aof)
        inside = sum(1 for at in taken_at if began <= at < ended)
        uses.append(inside / (rate * (ended - began)))
        at_permit.append(max(worst_window(given_at, window, rate, burst) for window in WINDOWS))
        at_ledger.append(worst_window(taken_at, WINDOWS[-1], rate, burst))
        row = {"workers": count, "taken": len(taken_at), "permits": len(given_at), "use": round(uses[-1], 4),
               "worst_window_permit": round(at_permit[-1], 4), "worst_window_ledger": round(at_ledger[-1], 4)}
        print("  " + "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        raw.write(json.dumps(row | {"permits_s": [round(at, 6) for at in given_at], "taken_s": [round(at, 3) for at in taken_at]}) + "\n")
        flat[f"limit_use_{count}_workers"] = round(uses[-1], 4)
    print(f"limits: one relay of {rate}/s, burst {burst}, {partners} partners with work enough; {seconds} s for each number of workers, "
          f"after {WARM_UP_SECONDS} s of warm-up for the use, none for the windows; permits: windows of {', '.join(map(str, WINDOWS))} s, Redis' clock; ledger: windows of {WINDOWS[-1]} s, "
          "the sink's clock; each as a share of rate x window + burst")
    return flat | {"limit_use_min": round(min(uses), 4), "limit_worst_window_permit": round(max(at_permit), 4),
                   "limit_worst_window_ledger": round(max(at_ledger), 4)}


def measure(folder, binary, asked, out):
    flat = {}
    parts = {"idle": (measure_idle, "first jobs of an idle fleet"), "fair": (measure_fair, f"{asked.lanes} equal lanes"),
             "lone": (measure_lone, f"one message behind {asked.big}"), "limits": (measure_limits, "a limit with 1, 2, 4 and 8 workers")}
    for part, (measure_part, what) in parts.items():
        if part not in asked.parts:
            continue
        say(what)
        (folder / part).mkdir()
        fleet = Fleet(binary, folder / part)
        try:
            with (out / f"belt-{part}.ndjson").open("w") as raw:
                flat |= measure_part(fleet, asked, raw)
        finally:
            fleet.stop()
    return flat
