"""Measures a fleet of processes of its own; `bench/portal.sh` says what, and builds what it needs."""
import argparse, contextlib, email, email.policy, http.client, json, math, os, pathlib, random, re, shutil, signal, socket
import sqlite3, subprocess, sys, tempfile, time

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
# Partners of the campaign whose mail is opened, and persons on each one's list: its first step makes the mail.
PARTNERS, PERSONS = 50, 220
CONNECTIONS = 128
TRACKED = "kind IN ('opened', 'clicked')"
# When the book has taken nothing more for so long, what is missing is lost.
STILL_SECONDS = 20


def percentile(values, share):
    """The smallest value that so many are not above: nothing is interpolated, nothing left out."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * share)) - 1]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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
        self.has_api = subprocess.run([str(binary), "api-key", "--help"], capture_output=True).returncode == 0
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
""" + ('[api]\nlimit = "100000/s"\n' if self.has_api else ""))
        wait_for("redis", 10, lambda: self.connects(self.redis))
        self.ask("migrate")
        self.ask("vendor", "add", "Northwind Secure")
        self.ask("package", "publish", pathlib.Path("campaigns/product-launch").resolve())

    @staticmethod
    def connects(port):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return True

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
        wait_for("the portal", 20, lambda: self.connects(self.portal))
        self.http = http.client.HTTPConnection("127.0.0.1", self.portal)

    def ask(self, *arguments):
        done = subprocess.run([str(self.binary), *map(str, arguments), "--json"], cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench/portal: throughline {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def add_partners(self, name, partners, persons):
        """Partners `name`0 … with a list of persons each."""
        rows = ["partner_key,company_name,tier,from_email,web_site,postal_address"]
        for n in range(partners):
            key = f"{name}{n}"
            rows.append(f"{key},{key} Ltd,Gold,news@{key}.example,https://{key}.example,Main Street {n} | 1010 Vienna")
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


class Click:
    """A launch as a partner's program asks for it: one request to the API of the portal."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.key = fleet.ask("api-key", "add", "--name", "bench", "--ops")["key"]
        self.package = self.items("/api/v1/packages")[0]["package"]
        self.partners = {}

    def items(self, path):
        status, body, _ = self.fleet.get(path, Authorization=f"Bearer {self.key}")
        if status != 200:
            sys.exit(f"bench/portal: {path} answered {status}: {body.decode()}")
        return json.loads(body)["items"]

    def find(self, start):
        """The ids of the partners whose keys begin with `start`."""
        path = "/api/v1/partners?limit=200"
        while path:
            status, body, _ = self.fleet.get(path, Authorization=f"Bearer {self.key}")
            page = json.loads(body)
            self.partners |= {it["partner_key"]: it["partner"] for it in page["items"] if it["partner_key"].startswith(start)}
            path = page.get("next_cursor") and f"/api/v1/partners?limit=200&cursor={page['next_cursor']}"

    def launch(self, partner):
        """When it was asked for, in milliseconds since 1970."""
        body = json.dumps({"package": self.package, "partners": [self.partners[partner]], "list": "customers"})
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        asked = time.time() * 1_000
        self.fleet.http.request("POST", "/api/v1/launches", body, headers)
        answer = self.fleet.http.getresponse()
        said = answer.read()
        if answer.status not in (200, 201):
            sys.exit(f"bench/portal: a launch was answered with {answer.status}: {said.decode()}")
        return asked


class Command:
    """A launch by the command line; the program's start is in the time."""

    def __init__(self, fleet):
        self.fleet = fleet

    def find(self, start):
        pass

    def launch(self, partner):
        asked = time.time() * 1_000
        self.fleet.ask("launch", "--package", "product-launch", "--partner", partner, "--list", "customers")
        return asked


def measure_launches(fleet, launches):
    fleet.add_partners("l", launches, 3)
    way = (Click if fleet.has_api else Command)(fleet)
    way.find("l")
    times, start = [], 0
    while True:
        lines, start = fleet.ledger(start)
        if not lines:
            break
    for n in range(launches):
        wait_for("an idle fleet", 60, fleet.is_idle)
        # Off the beat of what wakes up by itself.
        time.sleep(random.uniform(0.05, 0.35))
        clicked = way.launch(f"l{n}")

        def accepted():
            nonlocal start
            lines, start = fleet.ledger(start)
            mine = [line["at_ms"] for line in lines if line["mail_from"].endswith(f"@l{n}.example")]
            return min(mine) if mine else None

        times.append(wait_for(f"the first message of launch {n}", 30, accepted, 0.005) - clicked)
    return {
        "launches": launches,
        "launched_by": type(way).__name__.lower(),
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


def visible(fleet, before):
    """Whether the book counts something that it did not count before."""
    newest = fleet.query("SELECT COALESCE(MAX(event_id), 0) FROM event_class")
    return True if newest > before else None


def measure_visible(fleet, paths, times_wanted):
    times = []
    for n in range(times_wanted):
        before = fleet.query("SELECT COALESCE(MAX(event_id), 0) FROM event_class")
        time.sleep(random.uniform(0, 0.05))
        clicked = time.monotonic()
        status, _, _ = fleet.get(random.choice(paths)[n % 2])
        if status not in (200, 302):
            sys.exit(f"bench/portal: an open or click was answered with {status}")
        wait_for("its count", 30, lambda: visible(fleet, before), 0.001)
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


def fill(fleet, events):
    """Opens in the book, as many as are missing, by SQL: of all mail in turn, as a program from before would have left
    them. They are classified; what counts them besides finds them at its next start."""
    missing = events - fleet.query("SELECT COUNT(*) FROM event")
    fleet.stop("scheduler", "worker", "portal")
    with contextlib.closing(sqlite3.connect(fleet.book, timeout=30)) as book:
        book.execute("PRAGMA synchronous = OFF")
        sends = book.execute("SELECT send_id, activation_id, at FROM event WHERE kind = 'accepted'").fetchall()
        first = book.execute("SELECT MAX(event_id) + 1 FROM event").fetchone()[0] + 1_000_000
        detail = json.dumps({"kind": "opened", "method": "get", "agent": BROWSER})
        rows = ((first + n, *sends[n % len(sends)][:2], n, sends[n % len(sends)][2] + 60_000 + n) for n in range(missing))
        book.executemany(f"INSERT INTO event VALUES (?, ?, ?, 'opened', ?, ?, '{detail}')", rows)
        book.execute("INSERT INTO event_class SELECT event_id, send_id, activation_id, kind, 'human', 'older', 'older', 1"
                     " FROM event WHERE event_id >= ?", (first,))
        book.execute("UPDATE id_block SET next_id = ? WHERE table_name = 'event'", (first + missing,))
        book.commit()
    fleet.start_roles()


def measure_page(fleet, path, events):
    fill(fleet, events)
    key = fleet.ask("api-key", "add", "--name", "bench", "--ops")["key"]
    activation = fleet.query("SELECT MIN(activation_id) FROM activation")
    digits = "".join("0123456789abcdefghjkmnpqrstvwxyz"[activation >> 5 * place & 31] for place in reversed(range(13)))
    path = path.replace("{activation}", f"act_{digits}")
    times = []
    for _ in range(200):
        status, body, took = fleet.get(path, Authorization=f"Bearer {key}")
        if status != 200:
            sys.exit(f"bench/portal: {path} answered {status}: {body[:500]}")
        times.append(took)
    return {"page": path, "page_events": events, "page_p50_ms": round(percentile(times, 0.5), 1),
            "page_p95_ms": round(percentile(times, 0.95), 1)}


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
    arguments.add_argument("--page", help="a path below the portal, {activation} in it; measured with --events in the book")
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--only", default="launch,visible,tracking,most,page")
    arguments.add_argument("--keep", action="store_true", help="leave the fleet's folder and say where it is")
    asked = arguments.parse_args()
    parts = asked.only.split(",")
    random.seed(2026)

    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    flat = {"commit": commit, "cores": os.cpu_count(), "load_average_before": os.getloadavg()[0]}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="throughline-bench-"))
    fleet = Fleet(asked.bin.resolve(), folder)
    try:
        fleet.set_up()
        fleet.add_partners("p", PARTNERS, PERSONS)
        fleet.start_roles()
        fleet.ask("launch", "--package", "product-launch", "--all-eligible", "--list", "customers")
        paths = links_of_mail(fleet)
        if "launch" in parts:
            flat |= measure_launches(fleet, asked.launches)
        if "visible" in parts:
            flat |= measure_visible(fleet, paths, asked.visible)
        if "tracking" in parts:
            flat |= measure_tracking(fleet, asked.load.resolve(), paths, asked.rate, asked.seconds)
        if "most" in parts:
            flat |= measure_most(fleet, paths, asked.most_seconds)
        if "page" in parts and asked.page:
            flat |= measure_page(fleet, asked.page, asked.events)
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
