"""Measures expansion with processes of its own; `bench/expand.sh` says what, and builds what it needs."""
import argparse, contextlib, glob, json, os, pathlib, re, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

MONTH_MS = 40 * 86_400_000
# Lanes as fast as the machine: what is measured is not a limit.
TIERS = '[[tier]]\nname = "Gold"\nweight = 1\npartner_limit = "100000/s, burst 100000"\n'


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def connects(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True


def wait_for(what, seconds, look, pause=0.02):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(pause)
    sys.exit(f"bench/expand: waited {seconds} s in vain for {what}")


def memory(pid, what):
    """A process's memory in MiB as the kernel counts it: VmRSS now, VmHWM at most; 0 once it is gone."""
    with contextlib.suppress(OSError):
        found = re.search(rf"^{what}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
        return int(found[1]) / 1024 if found else 0
    return 0


class Fleet:
    def __init__(self, arguments, store, folder):
        self.binary, self.bare, self.store, self.folder = arguments.bin, arguments.bare, store, folder
        self.children, self.as_user = [], ["-u", "nobody"] if os.getuid() == 0 else []
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def set_up(self, persons, partners):
        folder, self.redis, relay = self.folder, free_port(), free_port()
        self.spawn("redis", ["redis-server", "--port", self.redis, "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                             "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"])
        self.spawn("sink", ["smtp-sink", *self.as_user, f"127.0.0.1:{relay}", "1000"])
        wait_for("redis and the sink", 10, lambda: connects(self.redis) and connects(relay))
        self.url, self.bare_url = self.books()
        (folder / "throughline.toml").write_text(f"""
[book]
url = "{self.url}"
[redis]
url = "redis://127.0.0.1:{self.redis}"
[secrets]
address_key = "{'1' * 64}"
link_key = "{'2' * 64}"
[[relay]]
name = "sink"
address = "127.0.0.1:{relay}"
max_connections = 50
{TIERS}""")
        self.ask("migrate")
        self.ask("vendor", "add", "Northwind Secure")
        self.ask("package", "publish", self.package())
        self.add_people(persons, partners)

    def books(self):
        """Two empty books of the engine: the fleet's, and the one for the bare insert."""
        if self.store == "sqlite":
            self.settings = "WAL, synchronous=FULL (fsync on every commit)"
            return [f"sqlite://{self.folder}/{name}.sqlite" for name in ("book", "bare")]
        programs = max(glob.glob("/usr/lib/postgresql/*/bin"), default=None)
        programs = pathlib.Path(programs) if programs else pathlib.Path(shutil.which("postgres") or sys.exit(
            "bench/expand: no PostgreSQL: run .ci/install test")).parent
        self.psql_program, data, self.pg = programs / "psql", self.folder / "pg", free_port()
        data.mkdir()
        # PostgreSQL refuses to run as root.
        self.pg_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        if self.pg_user:
            shutil.chown(data, "nobody", "nogroup")
            self.folder.chmod(0o755)
        subprocess.run([*self.pg_user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.spawn("postgres", [*self.pg_user, programs / "postgres", "-D", data, "-p", self.pg, "-h", "127.0.0.1", "-k", ""])
        wait_for("PostgreSQL", 30, lambda: self.psql("SELECT 1", quiet=True))
        self.settings = "fsync=" + self.psql("SHOW fsync") + ", synchronous_commit=" + self.psql("SHOW synchronous_commit") \
            + ", shared_buffers=" + self.psql("SHOW shared_buffers")
        for name in ("book", "bare"):
            self.psql(f"CREATE DATABASE {name} TEMPLATE template0")
        return [f"postgres://postgres@127.0.0.1:{self.pg}/{name}" for name in ("book", "bare")]

    def psql(self, statement, database="postgres", quiet=False):
        done = subprocess.run([self.psql_program, "-XqAt", "-h", "127.0.0.1", "-p", str(self.pg), "-U", "postgres", "-d", database,
                               "-c", statement], capture_output=True, text=True)
        if done.returncode and not quiet:
            sys.exit(f"bench/expand: psql: {done.stderr}")
        return done.stdout.strip()

    def query(self, text):
        if self.store == "postgres":
            return int(self.psql(text, "book"))
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/book.sqlite?mode=ro", uri=True, timeout=60)) as book:
            return book.execute(text).fetchone()[0]

    def package(self):
        """The sample package with its first step alone: a row for each person, which is the least a person can bring."""
        folder = self.folder / "package"
        shutil.copytree("campaigns/product-launch", folder)
        for step in ("deep-dive", "last-call"):
            for found in folder.glob(f"*/{step}"):
                shutil.rmtree(found)
        manifest = (folder / "package.toml").read_text()
        parts = re.split(r"(?m)^(?=\[)", manifest)
        gone = ('key = "deep-dive"', 'key = "last-call"', "[slots.offer]")
        (folder / "package.toml").write_text("".join(part for part in parts if not any(it in part for it in gone)))
        return folder

    def add_people(self, persons, partners):
        rows = ["partner_key,company_name,tier,from_email,web_site,postal_address"]
        rows += [f"p{n},P{n} Ltd,Gold,news@p{n}.example,https://p{n}.example,Main Street {n} | 1010 Vienna" for n in range(partners)]
        (self.folder / "partners.csv").write_text("\n".join(rows) + "\n")
        self.ask("import", "partners", self.folder / "partners.csv")
        for n in range(partners):
            count = persons // partners + (n < persons % partners)
            with (self.folder / "contacts.csv").open("w") as file:
                file.write("email,first_name,last_name,company,language,consent_basis,consent_source\n")
                file.writelines(f"c{c}@customer{n}.example,Anna{c},Meier,Firm {c},en,opt_in,web form\n" for c in range(count))
            self.ask("import", "contacts", "--company", f"p{n}", "--list", "customers", self.folder / "contacts.csv")

    def spawn(self, name, command):
        log = (self.folder / f"{name}.log").open("wb")
        child = subprocess.Popen([str(it) for it in command], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.children.append((name, child))
        return child

    def ask(self, *arguments):
        done = subprocess.run([str(self.binary), *map(str, arguments), "--json"], cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench/expand: throughline {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def redis_info(self, field):
        with socket.create_connection(("127.0.0.1", self.redis)) as server:
            server.sendall(b"INFO memory\r\n")
            answer = server.makefile("rb")
            text = answer.read(int(answer.readline()[1:])).decode()
        return int(re.search(rf"^{field}:(\d+)", text, re.M)[1]) / 2**20

    def stop(self):
        for _, child in reversed(self.children):
            child.terminate()
        for _, child in reversed(self.children):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(20)
            child.kill()


class Samples(threading.Thread):
    """Memory of every process, once a second, as it goes."""

    def __init__(self, fleet, path):
        super().__init__(daemon=True)
        self.fleet, self.path, self.done, self.stage = fleet, path, threading.Event(), "start"

    def run(self):
        began = time.monotonic()
        with self.path.open("w") as file:
            while not self.done.wait(1):
                row = {"at_s": round(time.monotonic() - began, 1), "stage": self.stage}
                row |= {f"{name}_rss_mib": round(memory(child.pid, "VmRSS"), 1) for name, child in self.fleet.children}
                with contextlib.suppress(OSError):
                    row["redis_used_mib"] = round(self.fleet.redis_info("used_memory"), 2)
                file.write(json.dumps(row) + "\n")
                file.flush()


def measure(arguments, store, folder):
    fleet = Fleet(arguments, store, folder)
    samples = Samples(fleet, arguments.out / f"expand-{store}.ndjson")
    try:
        fleet.set_up(arguments.persons, arguments.partners)
        for number, role in enumerate(["scheduler", "worker", "worker"]):
            fleet.spawn(f"{role}-{number}", [fleet.binary, role])
        samples.start()
        wait_for("the belt to be open", 30, lambda: fleet.ask("status")["belt"].get("phase") == "open", 0.2)
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + MONTH_MS / 1000 - 86_400))
        samples.stage = "expand"
        began = time.monotonic()
        fleet.ask("launch", "--package", "product-launch", "--all-eligible", "--list", "customers", "--start", start)
        expanded = lambda: fleet.query("SELECT COUNT(*) FROM activation WHERE expanded_at IS NOT NULL") == arguments.partners
        wait_for("the audiences", 6 * 3600, expanded, 0.1)
        seconds = time.monotonic() - began
        rows = fleet.query("SELECT COUNT(*) FROM send")
        assert rows == arguments.persons, f"{rows} rows for {arguments.persons} persons"
        samples.stage = "bare"
        done = subprocess.run([fleet.bare, "rows", fleet.url, fleet.bare_url], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench/expand: bare_insert: {done.stderr}")
        bare = json.loads(done.stdout)
        assert bare["rows"] == rows
        samples.stage = "send"
        began = time.monotonic()
        subprocess.run([fleet.bare, "forward", fleet.url, str(MONTH_MS)], check=True)
        # Counting all rows is dear, and what is open is small only at the end.
        sent = lambda: fleet.query("SELECT COUNT(*) FROM (SELECT 1 FROM send WHERE state IN ('due', 'queued') LIMIT 1) AS open_sends") == 0
        wait_for("all of it to be sent", 24 * 3600, sent, 1)
        sending = time.monotonic() - began
        not_sent = fleet.query("SELECT COUNT(*) FROM send WHERE state <> 'sent'")
        assert not_sent == 0, f"{not_sent} were not sent"
        peaks = {name: round(memory(child.pid, "VmHWM"), 1) for name, child in fleet.children}
        return {
            "persons": arguments.persons,
            "expand_rows_per_s": round(rows / seconds),
            "bare_rows_per_s": round(rows / bare["seconds"]),
            "ratio": round(rows / seconds / (rows / bare["seconds"]), 3),
            "sent_per_s": round(rows / sending),
            "redis_peak_mib": round(fleet.redis_info("used_memory_peak"), 1),
            "rss_peak_mib": max(peak for name, peak in peaks.items() if name.split("-")[0] in ("scheduler", "worker")),
            "peaks_mib": peaks,
            "settings": fleet.settings,
        }
    finally:
        samples.done.set()
        if samples.is_alive():
            samples.join()
        fleet.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("persons", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--partners", type=int, default=10)
    parser.add_argument("--stores", default="sqlite,postgres")
    for path in ("--bin", "--bare", "--out"):
        parser.add_argument(path, type=lambda text: pathlib.Path(text).resolve(), required=True)
    arguments = parser.parse_args()
    print(f"{arguments.persons:,} persons of {arguments.partners} partners, one step; 1 scheduler, 2 workers of 25 hands; "
          "Redis: appendonly, appendfsync everysec, noeviction; relay: Postfix smtp-sink; "
          "warm-up: the import runs before, the processes idle on an open belt")
    flat = {"persons": arguments.persons}
    for store in arguments.stores.split(","):
        with tempfile.TemporaryDirectory(prefix="throughline-expand-") as folder:
            found = measure(arguments, store, pathlib.Path(folder))
        print(f"{store}: {found.pop('settings')}; peaks (MiB): {found.pop('peaks_mib')}")
        flat[f"expand_ratio_{store}"] = found["ratio"]
        for key in ("expand_rows_per_s", "bare_rows_per_s", "sent_per_s"):
            flat[f"{key}_{store}"] = found[key]
        for key in ("redis_peak_mib", "rss_peak_mib"):
            flat[key] = max(flat.get(key, 0), found[key])
    (arguments.out / "expand.json").write_text(json.dumps(flat, indent=2) + "\n")
    width = max(map(len, flat))
    for key, value in flat.items():
        print(f"{key:<{width}}  {value}")


main()
