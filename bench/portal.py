"""Measures a fleet of processes of its own; `bench/portal.sh` says what, and builds what it needs."""
import argparse, contextlib, email, email.policy, http.client, json, os, pathlib, random, re, shutil, signal
import sqlite3, subprocess, sys, tempfile, time

from fleet import connects, free_port, percentile, say

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
# Partners of the campaign whose mail is opened, and persons on each one's list: its first step makes the mail.
PARTNERS, PERSONS = 50, 220
CONNECTIONS = 128
TRACKED = "kind IN ('opened', 'clicked')"
# When the book has taken nothing more for so long, what is missing is lost.
STILL_SECONDS = 20


def wait_for(what, seconds, look, pause=0.02):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(pause)
    sys.exit(f"bench/portal: waited {seconds} s in vain for {what}")


class Fleet:
    """The roles as processes, in a folder of their own; all of them end with it."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.children = binary, folder, []
        self.is_spawning = self.is_asked_to_end = False
        # Who is asked to end takes the fleet along, a child that is just being started too.
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        self.is_asked_to_end = True
        if not self.is_spawning:
            sys.exit(143)

    def set_up(self):
        binary, folder = self.binary, self.folder
        self.redis, self.portal = free_port(), free_port()
        self.spawn("redis", ["redis-server", "--port", self.redis, "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                             "--appendonly", "yes", "--maxmemory-policy", "noeviction"])
        sink = self.spawn("sink", [binary, "sink", "--dir", folder / "mail"], stdout=subprocess.PIPE)
        self.sink = json.loads(sink.stdout.readline())
        self.base = f"http://127.0.0.1:{self.portal}"
        self.book = folder / "book.sqlite"
        (folder / "throughline.toml").write_text(f"""
[book]
url = "sqlite://{self.book}"
[redis]
url = "redis://127.0.0.1:{self.redis}"
[secrets]
address_key = "{'1' * 64}"
link_key = "{'2' * 64}"
[portal]
listen = "127.0.0.1:{self.portal}"
public_url = "{self.base}"
[[relay]]
name = "sink"
address = "{self.sink['smtp']}"
max_connections = 50
""")
        wait_for("redis", 10, lambda: connects(self.redis))
        self.ask("migrate")
        self.ask("vendor", "add", "Northwind Secure")
        self.ask("vendor", "sender", "--from-email", "partners@northwind.example", "--web-site", "https://www.northwind.example",
                 "--postal-address", "1 Plaza | Dublin")
        self.ask("package", "publish", pathlib.Path("campaigns/product-launch").resolve())

    def spawn(self, name, command, **more):
        log = (self.folder / f"{name}.log").open("wb")
        more.setdefault("stdout", log)
        self.is_spawning = True
        child = subprocess.Popen([str(it) for it in command], cwd=self.folder, stdin=subprocess.DEVNULL, stderr=log, **more)
        self.children.append((name, child))
        self.is_spawning = False
        if self.is_asked_to_end:
            sys.exit(143)
        return child

    def start_roles(self):
        for number, role in enumerate(["scheduler", "worker", "worker", "portal"]):
            self.spawn(f"{role}-{number}", [self.binary, role])
        wait_for("the portal", 20, lambda: connects(self.portal))
        self.http = http.client.HTTPConnection("127.0.0.1", self.portal)

    def ask(self, *arguments):
        done = subprocess.run([str(self.binary), *map(str, arguments), "--json"], cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench/portal: throughline {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def add_partners(self, name, partners, persons):
        """Partners `name`0 … with a list of persons each."""
        rows = ["partner_key,company_name,tier,from_email,web_site,postal_address,contact_email"]
        for n in range(partners):
            key = f"{name}{n}"
            rows.append(f"{key},{key} Ltd,Gold,news@{key}.example,https://{key}.example,Main Street {n} | 1010 Vienna,pat@{key}.example")
        file = self.folder / f"{name}.csv"
        file.write_text("\n".join(rows) + "\n")
        self.ask("import", "partners", file)
        for n in range(partners):
            rows = ["email,first_name,last_name,company,language,consent_basis,consent_source"]
            rows += [f"p{c}@{name}{n}-customer.example,Anna{c},Meier,Firm {c},en,opt_in,web form" for c in range(persons)]
            file = self.folder / "contacts.csv"
            file.write_text("\n".join(rows) + "\n")
            self.ask("import", "contacts", "--company", f"{name}{n}", "--list", "customers", file)

    def query(self, text, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.book}?mode=ro", uri=True, timeout=30)) as book:
            return book.execute(text, values).fetchone()[0]

    def ledger(self, start=0):
        """The ledger's accepted lines from a byte on, and the byte after them."""
        connection = http.client.HTTPConnection(self.sink["http"].removeprefix("http://"))
        connection.request("GET", f"/ledger?from={start}")
        body = connection.getresponse().read()
        whole = body[: body.rfind(b"\n") + 1]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if line["answer"].startswith("2")], start + len(whole)

    def sent(self):
        return self.query("SELECT COUNT(*) FROM send WHERE state = 'sent'")

    def is_idle(self):
        due = "SELECT COUNT(*) FROM send WHERE step_key = 'announce' AND state IN ('due', 'queued')"
        return True if self.query(due) == 0 else None

    def tracked(self):
        return self.query(f"SELECT COUNT(*) FROM event WHERE {TRACKED}")

    def get(self, path, **headers):
        """An answer of the portal, over a connection that stays open, and the milliseconds it took."""
        began = time.monotonic()
        self.http.request("GET", path, headers={"User-Agent": BROWSER} | headers)
        answer = self.http.getresponse()
        body = answer.read()
        return answer.status, body, (time.monotonic() - began) * 1_000

    def on_the_way(self):
        """Opens and clicks that the portal has answered, and those that are counted as lost on the way to the book."""
        status, body, _ = self.get("/metrics")
        assert status == 200
        total = lambda name: sum(int(value) for value in re.findall(rf"^{name}{{.*}} (\d+)$", body.decode(), re.M))
        script = "local n = 0; for _, key in ipairs(redis.call('KEYS', 'tl:*:cut')) do n = n + redis.call('GET', key) end; return n"
        cut = subprocess.run(["redis-cli", "-p", str(self.redis), "EVAL", script, "0"], check=True, capture_output=True, text=True)
        return total("throughline_portal_tracks_total"), total("throughline_portal_tracks_lost_total") + int(cut.stdout)

    def stop(self, *roles):
        """Ends these roles, or everything."""
        ending = [it for it in reversed(self.children) if not roles or it[0].startswith(roles)]
        for _, child in ending:
            child.terminate()
        for name, child in ending:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                print(f"bench/portal: {name} did not end and is killed", file=sys.stderr)
                child.kill()
                child.wait()
            self.children.remove((name, child))


def invitations(fleet, name, partners):
    """Has these partners invited; the path of the page behind each one's mail, by partner."""
    fleet.ask("invite", "--package", "product-launch", "--all-eligible")
    links = {}

    def all_mailed():
        for file in (fleet.folder / "mail" / "messages").glob("*.eml"):
            if file in seen:
                continue
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            link = re.search(rf'href="{re.escape(fleet.base)}(/i/[^"]+)"', mail.get_body(("html",)).get_content())
            partner = re.search(r"@([^.>]+)", mail["to"])[1]
            if link and re.fullmatch(rf"{name}\d+", partner):
                links[partner] = link[1]
            seen.add(file)
        return True if len(links) >= partners else None

    seen = set()
    wait_for("the invitations", 120, all_mailed, 0.5)
    return links


def press(fleet, link):
    """Presses the button of an invitation's page; when, in milliseconds since 1970."""
    status, page, _ = fleet.get(link)
    if status != 200 or b'value="launch"' not in page:
        sys.exit(f"bench/portal: an invitation was answered with {status}")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": fleet.base, "User-Agent": BROWSER}
    asked = time.time() * 1_000
    fleet.http.request("POST", link, "intent=launch&list=customers", headers)
    answer = fleet.http.getresponse()
    said = answer.read()
    if answer.status != 303:
        sys.exit(f"bench/portal: a launch was answered with {answer.status}: {said.decode()}")
    return asked


def measure_launches(fleet, links):
    times, start = [], 0
    while True:
        lines, start = fleet.ledger(start)
        if not lines:
            break
    for partner, link in links.items():
        wait_for("an idle fleet", 60, fleet.is_idle)
        # Off the beat of what wakes up by itself.
        time.sleep(random.uniform(0.05, 0.35))
        clicked = press(fleet, link)

        def accepted():
            nonlocal start
            lines, start = fleet.ledger(start)
            mine = [line["at_ms"] for line in lines if line["mail_from"].endswith(f"@{partner}.example")]
            return min(mine) if mine else None

        times.append(wait_for(f"the first message of {partner}", 30, accepted, 0.005) - clicked)
    return {
        "launches": len(links),
        "launch_to_accept_p50_ms": round(percentile(times, 0.5), 1),
        "launch_to_accept_p99_ms": round(percentile(times, 0.99), 1),
        "launch_to_accept_max_ms": round(max(times), 1),
    }


def links_of_mail(fleet):
    """The picture and the first link of every mail in the sink, as paths of the portal."""
    wait_for("the mail", 300, lambda: True if fleet.sent() >= PARTNERS * PERSONS else None, 0.5)
    paths = []
    for file in sorted((fleet.folder / "mail" / "messages").glob("*.eml")):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        html = mail.get_body(("html",)).get_content()
        pixel = re.search(rf'<img src="{re.escape(fleet.base)}(/o/[^"]+)"', html)
        link = re.search(rf'href="{re.escape(fleet.base)}(/c/[^"]+/1)"', html)
        if pixel and link:
            paths.append((pixel[1], link[1]))
    if len(paths) < 10_000:
        sys.exit(f"bench/portal: only {len(paths)} mails have a picture and a link")
    return paths


def tracked_mails(fleet, links):
    """Page of the launch, picture and first link of every mail of these partners' campaigns."""
    found = []
    for file in sorted((fleet.folder / "mail" / "messages").glob("*.eml")):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        partner = re.search(r"@([^.>]+)\.example", mail["from"])[1]
        if partner not in links:
            continue
        html = mail.get_body(("html",)).get_content()
        pixel = re.search(rf'<img src="{re.escape(fleet.base)}(/o/[^"]+)"', html)
        link = re.search(rf'href="{re.escape(fleet.base)}(/c/[^"]+/1)"', html)
        if pixel and link:
            found.append((links[partner], pixel[1], link[1]))
    return found


def counted(fleet, page):
    """The numbers of a results page: what is opened and clicked, people's and machines'."""
    status, body, _ = fleet.get(page)
    if status != 200:
        sys.exit(f"bench/portal: the page of a launch was answered with {status}")
    return re.findall(r"<d[dt]>[^<]*</d[dt]>|<td>[^<]*</td>", body[body.find(b'id="results"'):].decode())


def measure_visible(fleet, mails, times_wanted):
    """From an open or click of a mail to the moment at which the page of its launch, asked for over HTTP, counts it."""
    times = []
    random.shuffle(mails)
    for n in range(times_wanted):
        page, *paths = mails[n // 2 % len(mails)]
        before = counted(fleet, page)
        time.sleep(random.uniform(0, 0.05))
        clicked = time.monotonic()
        status, _, _ = fleet.get(paths[n % 2])
        if status not in (200, 302):
            sys.exit(f"bench/portal: an open or click was answered with {status}")
        wait_for("its count", 30, lambda: True if counted(fleet, page) != before else None, 0.001)
        times.append((time.monotonic() - clicked) * 1_000)
    return {
        "clicks": times_wanted,
        "click_to_visible_p50_ms": round(percentile(times, 0.5), 1),
        "click_to_visible_p99_ms": round(percentile(times, 0.99), 1),
        "click_to_visible_max_ms": round(max(times), 1),
    }


def wait_until_recorded(fleet, wanted):
    """Waits until the book has so many opens and clicks, or takes no more; how many, and the seconds it took."""
    began = changed = time.monotonic()
    last = -1
    while True:
        found = fleet.tracked()
        now = time.monotonic()
        if found != last:
            last, changed = found, now
        if found >= wanted or now - changed > STILL_SECONDS:
            return found, now - began
        time.sleep(0.2)


def measure_tracking(fleet, load, paths, rate, seconds):
    mixed = [path for pair in paths for path in pair]
    random.shuffle(mixed)
    file = fleet.folder / "paths"
    file.write_text("\n".join(mixed) + "\n")
    before = fleet.tracked()
    done = subprocess.run([str(load), f"127.0.0.1:{fleet.portal}", str(file), str(rate), str(seconds), str(CONNECTIONS)],
                          check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    recorded, took = wait_until_recorded(fleet, before + found["answered"])
    return {
        "tracking_rate": rate,
        "tracking_seconds": seconds,
        "tracking_messages": len(paths),
        "tracking_answered": found["answered"],
        "tracking_failed": found["failed"],
        "tracking_p50_ms": found["p50_ms"],
        f"tracking_p99_ms_at_{rate}": found["p99_ms"],
        "tracking_p999_ms": found["p999_ms"],
        "tracking_max_ms": found["max_ms"],
        "tracking_events_missing": before + found["answered"] - recorded,
        "tracking_recorded_after_s": round(took, 1),
    }


def wrk(port, script, seconds):
    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}/"],
                         check=True, capture_output=True, text=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if bad or "Socket errors" in out:
        sys.exit(f"bench/portal: wrk had answers that are none:\n{out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def measure_most(fleet, paths, seconds):
    """Both are asked for the same pictures in the same way; nginx keeps no log and counts nothing."""
    script = fleet.folder / "pixels.lua"
    list_of = ",\n".join(f'"{pixel}"' for pixel, _ in paths)
    script.write_text(f"""
local paths = {{{list_of}}}
local made, next = {{}}, 0
function init()
  for i, path in ipairs(paths) do made[i] = wrk.format("GET", path, {{["User-Agent"] = "{BROWSER}"}}) end
end
function request()
  next = next % #made + 1
  return made[next]
end
""")
    port = free_port()
    folder = fleet.folder / "nginx"
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(f"""
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ empty_gif; }} }}
}}
""")
    fleet.spawn("nginx", ["nginx", "-p", folder, "-c", config])
    wait_for("nginx", 10, lambda: fleet.connects(port))
    nginx = wrk(port, script, seconds)
    before, (answered_before, lost_before) = fleet.tracked(), fleet.on_the_way()
    portal = wrk(fleet.portal, script, seconds)
    answered, lost = (now - then for now, then in zip(fleet.on_the_way(), (answered_before, lost_before)))
    recorded, _ = wait_until_recorded(fleet, before + answered - lost)
    # Once the fleet has nothing left to do, as before.
    again = wrk(port, script, seconds)
    reference = (nginx + again) / 2
    return {
        "most_seconds": seconds,
        "tracking_req_per_s": round(portal),
        "nginx_req_per_s": round(reference),
        "nginx_runs": f"{nginx:.0f} before, {again:.0f} after",
        "ratio_to_nginx": round(portal / reference, 3),
        "most_events_answered": answered,
        "most_events_recorded": recorded - before,
        "most_events_counted_lost": lost,
        "most_events_missing": before + answered - lost - recorded,
    }


def fill(book, events, partner):
    """Events in one partner's activation, by SQL, as a program from before the counts would have left them: over 60
    days, three in ten acceptances, five opens, two clicks, a fifth of the opens and clicks by machines."""
    sends = events * 3 // 10
    start, minute, day = 1_767_225_600_000, 60_000, 86_400_000
    activation, contact = book.execute(
        "SELECT a.activation_id, MIN(s.contact_id) FROM activation a JOIN partner p ON p.partner_id = a.partner_id"
        " JOIN send s ON s.activation_id = a.activation_id WHERE p.partner_key = ? GROUP BY a.activation_id", (partner,)).fetchone()
    steps = [step for step, in book.execute("SELECT DISTINCT step_key FROM send ORDER BY step_key")]
    targets, = book.execute("SELECT MIN(targets_id) FROM link_targets").fetchone()
    send = book.execute("SELECT MAX(send_id) FROM send").fetchone()[0] + 1_000_000
    event = book.execute("SELECT MAX(event_id) FROM event").fetchone()[0] + 1_000_000
    state = lambda n: ("failed", "rejected") if n % 50 == 0 else ("sent", "")
    book.executemany(
        "INSERT INTO send (send_id, activation_id, person_id, step_key, occurrence, contact_id, provider, state, reason, due_at,"
        " claim, attempts, duplicates) VALUES (?, ?, ?, ?, 0, ?, 'example.com', ?, ?, ?, ?, 0, 0)",
        ((send + n, activation, 1 << 40 | n // 3, steps[n % len(steps)], contact, *state(n), start, n) for n in range(sends)))
    accepted = lambda n: start + (n % 3) * 7 * day + n % 7_200 * 1_000
    agents = [BROWSER] * 4 + ["curl/8"]

    def rows():
        for n in range(sends):
            yield event + n, send + n, activation, "bounced" if n % 50 == 0 else "accepted", n, accepted(n), "{}"
        for n in range(sends, events):
            of = n * 7919 % sends
            kind = "clicked" if n % 7 < 2 else "opened"
            at = accepted(of) + minute + (n * 104_729 % 40) ** 2 * 27 * minute
            what = f'"kind":"clicked","link":1,"targets":"{targets}"' if kind == "clicked" else '"kind":"opened"'
            yield event + n, send + of, activation, kind, n, at, '{%s,"method":"get","agent":"%s"}' % (what, agents[n % 5])

    book.executemany("INSERT INTO event (event_id, send_id, activation_id, kind, source_number, at, detail) VALUES (?, ?, ?, ?, ?, ?, ?)", rows())
    book.execute(
        "INSERT INTO event_class (event_id, send_id, activation_id, kind, class, rule, rules_version, settled)"
        f" SELECT event_id, send_id, activation_id, kind, 'human', 'older', 'older', 1 FROM event WHERE event_id >= ? AND {TRACKED}", (event,))
    book.execute("UPDATE id_block SET next_id = ? WHERE table_name = 'event'", (event + events + 1_000_000,))
    book.execute("UPDATE id_block SET next_id = ? WHERE table_name = 'send'", (send + sends + 1_000_000,))
    return activation


def measure_page(fleet, links, events):
    """The page of a launch with so many events, as a browser gets it, once the fleet has counted them and is idle."""
    partner, page = next(iter(links.items()))
    fleet.stop("scheduler", "worker", "portal")
    with contextlib.closing(sqlite3.connect(fleet.book, timeout=30)) as book:
        book.execute("PRAGMA synchronous = OFF")
        activation = fill(book, events, partner)
        book.commit()
    fleet.start_roles()
    uncounted = "SELECT EXISTS (SELECT 1 FROM event_class WHERE counted <> class) OR EXISTS (SELECT 1 FROM event WHERE counted = 0 AND kind = 'accepted')"
    wait_for("the counts", 1_800, lambda: True if fleet.query(uncounted) == 0 else None, 1)
    in_book = fleet.query("SELECT COUNT(*) FROM event WHERE activation_id = ?", activation)
    numbers = [int(re.sub(r"\D", "", it) or 0) for it in counted(fleet, page)]
    if max(numbers) < events // 10:
        sys.exit(f"bench/portal: the page does not count what is in the book: {numbers}")
    times = []
    for _ in range(200):
        status, body, took = fleet.get(page)
        if status != 200:
            sys.exit(f"bench/portal: {page} answered {status}: {body[:500]}")
        times.append(took)
    return {"page_events": in_book, "page_bytes": len(body), "page_requests": len(times),
            "page_p50_ms": round(percentile(times, 0.5), 1), "page_p95_ms": round(percentile(times, 0.95), 1)}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bin", type=pathlib.Path, required=True)
    arguments.add_argument("--load", type=pathlib.Path, required=True)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    arguments.add_argument("--launches", type=int, default=100)
    arguments.add_argument("--visible", type=int, default=200)
    arguments.add_argument("--rate", type=int, default=5_000)
    arguments.add_argument("--seconds", type=int, default=30)
    arguments.add_argument("--most-seconds", type=int, default=10)
    arguments.add_argument("--events", type=int, default=1_000_000, help="events of the launch whose page is measured")
    arguments.add_argument("--only", default="visible,tracking,most,page")
    arguments.add_argument("--keep", action="store_true", help="leave the fleet's folder and say where it is")
    asked = arguments.parse_args()
    parts = asked.only.split(",")
    random.seed(2026)

    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    flat = {"commit": commit, "cores": os.cpu_count(), "load_average_before": os.getloadavg()[0]}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="throughline-bench-"))
    fleet = Fleet(asked.bin.resolve(), folder)
    try:
        say(f"a fleet, and mail of {PARTNERS} partners to {PERSONS} persons each")
        fleet.set_up()
        fleet.add_partners("p", PARTNERS, PERSONS)
        fleet.start_roles()
        fleet.ask("launch", "--package", "product-launch", "--all-eligible", "--list", "customers")
        paths = links_of_mail(fleet)
        say(f"{asked.launches} invitations")
        fleet.add_partners("l", asked.launches, 3)
        links = invitations(fleet, "l", asked.launches)
        say(f"{asked.launches} launches, one after the other")
        flat |= measure_launches(fleet, links)
        if "visible" in parts:
            say("opens and clicks on an idle fleet")
            wait_for("an idle fleet", 60, fleet.is_idle)
            flat |= measure_visible(fleet, tracked_mails(fleet, links), asked.visible)
        if "tracking" in parts:
            say(f"{asked.rate} opens and clicks a second for {asked.seconds} s")
            flat |= measure_tracking(fleet, asked.load.resolve(), paths, asked.rate, asked.seconds)
        if "most" in parts:
            say("as many as go, beside nginx")
            flat |= measure_most(fleet, paths, asked.most_seconds)
        if "page" in parts:
            say(f"the page of a launch with {asked.events} events")
            flat |= measure_page(fleet, links, asked.events)
    finally:
        fleet.stop()
        if asked.keep:
            print(folder, file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)

    asked.out.write_text(json.dumps(flat, indent=2) + "\n")
    width = max(map(len, flat))
    for key, value in flat.items():
        print(f"{key:<{width}}  {value}")
    void = {key: flat[key] for key in ("tracking_events_missing", "tracking_failed", "most_events_missing") if flat.get(key)}
    if void:
        sys.exit(f"bench/portal: the figures are void: {void}")


main()
