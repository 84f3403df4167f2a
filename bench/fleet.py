"""What the benches of the belt and of expansion share: servers and roles as processes in a folder of their own, and a look at them."""
import contextlib, glob, http.client, json, math, os, pathlib, re, shutil, signal, socket, sqlite3, subprocess, sys, threading, time

# Lanes as fast as the machine: what is measured is another limit, or none.
WIDE_TIER = '[[tier]]\nname = "Gold"\nweight = 1\npartner_limit = "100000/s, burst 100000"\n'
SERVERS = ("redis", "postgres", "sink")
REDIS_SETTINGS = "Redis: appendonly yes, appendfsync everysec, noeviction, no snapshots, no rewrite of the log while it is measured"


def percentile(values, share):
    """The smallest value that so many are not above: nothing is interpolated, nothing left out."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * share)) - 1]


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
        found = look()
        if found:
            return found
        time.sleep(pause)
    sys.exit(f"bench: waited {seconds} s in vain for {what}")


def say(what):
    """What is done now, on the terminal: the whole takes minutes."""
    print(f"{time.strftime('%H:%M:%S')}  {what}", file=sys.stderr, flush=True)


def memory(pid, what):
    """A process's memory in MiB as the kernel counts it: VmRSS now, VmHWM at most; 0 once it is gone."""
    with contextlib.suppress(OSError):
        found = re.search(rf"^{what}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
        return int(found[1]) / 1024 if found else 0
    return 0


class Redis:
    """As much of a client as a bench needs: asks, and reads the answer."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.answers = self.socket.makefile("rb")

    def __call__(self, *words):
        parts = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self.read()

    def read(self):
        line = self.answers.readline()
        kind, rest = line[:1], line[1:-2]
        if kind in b"+:":
            return rest.decode() if kind == b"+" else int(rest)
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return None if rest == b"-1" else self.answers.read(int(rest) + 2)[:-2].decode()

    def info(self, section):
        return dict(line.split(":", 1) for line in self("INFO", section).splitlines() if ":" in line)


class Processes:
    """Processes that end with the bench, however it ends."""

    def __init__(self, folder):
        self.folder, self.children = folder, []
        self.is_spawning = self.is_asked_to_end = False
        # Who is asked to end takes its children along, one that is just being started too.
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        # Asked again, it would leave off ending the others.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.is_asked_to_end = True
        if not self.is_spawning:
            sys.exit(143)

    def spawn(self, name, command, **more):
        log = (self.folder / f"{name}.log").open("ab")
        more.setdefault("stdout", log)
        self.is_spawning = True
        child = subprocess.Popen([str(it) for it in command], cwd=self.folder, stdin=subprocess.DEVNULL, stderr=log, **more)
        self.children.append((name, child))
        self.is_spawning = False
        if self.is_asked_to_end:
            sys.exit(143)
        return child

    def start_redis(self):
        """A server of its own on a socket, set as the product wants it."""
        self.redis_path = self.folder / "redis.sock"
        child = self.spawn("redis", ["redis-server", "--port", 0, "--unixsocket", self.redis_path, "--dir", self.folder, "--save", "",
                                     "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
                                     "--auto-aof-rewrite-percentage", 0])
        self.redis = wait_for("Redis", 10, lambda: self.redis_path.exists() and Redis(self.redis_path))
        self.redis_url = f"unix://{self.redis_path}"
        return child

    def check(self):
        """A process that has ended by itself makes every figure void."""
        for name, child in self.children:
            if child.poll() is not None:
                tail = (self.folder / f"{name}.log").read_text(errors="replace")[-2_000:]
                sys.exit(f"bench: {name} ended with {child.returncode}: {tail}")

    def stop(self, *names):
        """Ends these, or everything: servers after who uses them."""
        ending = [it for it in reversed(self.children) if not names or it[0].startswith(names)]
        servers = [it for it in ending if it[0] in SERVERS]
        self.end_all([it for it in ending if it not in servers])
        self.end_all(servers)

    def end_all(self, ending):
        for _, child in ending:
            child.terminate()
        for name, child in ending:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                print(f"bench: {name} did not end and is killed", file=sys.stderr)
                child.kill()
                child.wait()
            self.children.remove((name, child))


class Fleet(Processes):
    """The roles as processes: a private Redis, a book on SQLite or PostgreSQL, and a relay that is no part of them."""

    def __init__(self, binary, folder, store="sqlite"):
        super().__init__(folder)
        self.binary, self.store, self.workers = binary, store, 0

    def set_up(self, settings="", relay_limit=None, relay="throughline"):
        self.start_redis()
        if relay == "throughline":
            # Its ledger says when each message was taken; no message is kept.
            sink = self.spawn("sink", [self.binary, "sink", "--dir", self.folder / "mail", "--keep", 0, "--refuse-prefix", ""],
                              stdout=subprocess.PIPE)
            address = json.loads(sink.stdout.readline())["smtp"]
        else:
            address = f"127.0.0.1:{free_port()}"
            as_user = ["-u", "nobody"] if os.getuid() == 0 else []
            self.spawn("sink", ["smtp-sink", *as_user, address, "1000"])
            wait_for("smtp-sink", 10, lambda: connects(int(address.rsplit(":", 1)[1])))
        self.urls = self.books()
        self.portal = free_port()
        limit = f'limit = "{relay_limit}"\n' if relay_limit else ""
        (self.folder / "throughline.toml").write_text(f"""
[book]
url = "{self.urls[0]}"
[redis]
url = "{self.redis_url}"
[secrets]
address_key = "{'1' * 64}"
link_key = "{'2' * 64}"
[portal]
listen = "127.0.0.1:{self.portal}"
public_url = "http://127.0.0.1:{self.portal}"
[[relay]]
name = "sink"
address = "{address}"
max_connections = 50
{limit}{settings or WIDE_TIER}""")
        self.ask("migrate")
        self.ask("vendor", "add", "Northwind Secure")
        self.ask("vendor", "sender", "--from-email", "partners@northwind.example", "--web-site", "https://www.northwind.example",
                 "--postal-address", "1 Plaza | Dublin")
        self.ask("package", "publish", self.package())

    def books(self):
        """Two empty books of the engine: the fleet's, and one for who wants to compare."""
        if self.store == "sqlite":
            self.book = self.folder / "book.sqlite"
            self.settings = "SQLite: WAL, synchronous=FULL (fsync on every commit)"
            return [f"sqlite://{self.folder}/{name}.sqlite" for name in ("book", "bare")]
        programs = max(glob.glob("/usr/lib/postgresql/*/bin"), default=None)
        programs = pathlib.Path(programs) if programs else pathlib.Path(shutil.which("postgres") or sys.exit(
            "bench: no PostgreSQL: run .ci/install bench")).parent
        self.psql_program, data, self.pg = programs / "psql", self.folder / "pg", free_port()
        data.mkdir()
        # PostgreSQL refuses to run as root.
        as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        if as_user:
            shutil.chown(data, "nobody", "nogroup")
            self.folder.chmod(0o755)
        subprocess.run([*as_user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.spawn("postgres", [*as_user, programs / "postgres", "-D", data, "-p", self.pg, "-h", "127.0.0.1", "-k", ""])
        wait_for("PostgreSQL", 30, lambda: self.psql("SELECT 1", quiet=True))
        self.settings = "PostgreSQL: " + ", ".join(f"{name}={self.psql(f'SHOW {name}')}" for name in ("fsync", "synchronous_commit", "shared_buffers"))
        for name in ("book", "bare"):
            self.psql(f"CREATE DATABASE {name} TEMPLATE template0")
        return [f"postgres://postgres@127.0.0.1:{self.pg}/{name}" for name in ("book", "bare")]

    def psql(self, statement, database="postgres", quiet=False):
        done = subprocess.run([self.psql_program, "-XqAt", "-h", "127.0.0.1", "-p", str(self.pg), "-U", "postgres", "-d", database,
                               "-c", statement], capture_output=True, text=True)
        if done.returncode and not quiet:
            sys.exit(f"bench: psql: {done.stderr}")
        return done.stdout.strip()

    def query(self, text):
        if self.store == "postgres":
            return int(self.psql(text, "book"))
        with contextlib.closing(sqlite3.connect(f"file:{self.book}?mode=ro", uri=True, timeout=60)) as book:
            return book.execute(text).fetchone()[0]

    def rows(self, text):
        with contextlib.closing(sqlite3.connect(f"file:{self.book}?mode=ro", uri=True, timeout=60)) as book:
            return book.execute(text).fetchall()

    def package(self):
        """The sample package with its first step alone: a row and a message for each person."""
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

    def ask(self, *arguments):
        done = subprocess.run([str(self.binary), *map(str, arguments), "--json"], cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench: throughline {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def add_partners(self, name, partners, persons=0):
        """Partners `name`0 …, each with a list of so many persons."""
        rows = ["partner_key,company_name,tier,from_email,web_site,postal_address"]
        rows += [f"{name}{n},{name}{n} Ltd,Gold,news@{name}{n}.example,https://{name}{n}.example,Main Street {n} | 1010 Vienna" for n in range(partners)]
        file = self.folder / f"{name}.csv"
        file.write_text("\n".join(rows) + "\n")
        self.ask("import", "partners", file)
        for n in range(partners if persons else 0):
            self.add_contacts(f"{name}{n}", persons)

    def add_contacts(self, partner, persons):
        file = self.folder / "contacts.csv"
        with file.open("w") as lines:
            lines.write("email,first_name,last_name,company,language,consent_basis,consent_source\n")
            lines.writelines(f"c{c}@{partner}-customer.example,Anna{c},Meier,Firm {c},en,opt_in,web form\n" for c in range(persons))
        self.ask("import", "contacts", "--company", partner, "--list", "customers", file)
        file.unlink()

    def launch(self, partner=None, *more):
        who = ["--partner", partner] if partner else ["--all-eligible"]
        self.ask("launch", "--package", "product-launch", *who, "--list", "customers", *more)

    def start_scheduler(self, filter="info"):
        self.spawn("scheduler", [self.binary, "scheduler"], env=os.environ | {"THROUGHLINE__LOG__FILTER": filter, "THROUGHLINE__LOG__FORMAT": "json"})
        wait_for("the belt to be open", 60, lambda: self.ask("status")["belt"].get("phase") == "open", 0.2)

    def start_workers(self, count):
        """Workers, all of which the belt knows."""
        before = self.redis("ZCARD", self.key("workers"))
        for _ in range(count):
            self.workers += 1
            self.spawn(f"worker-{self.workers}", [self.binary, "worker"])
        wait_for("the workers", 30, lambda: self.redis("ZCARD", self.key("workers")) >= before + count)

    def key(self, name):
        """A name of the channel of mail in the epoch that is."""
        return f"tl:{{0}}:{self.redis('HGET', 'tl:{0}:epoch', 'n')}:email:{name}"

    def start_portal(self):
        self.spawn("portal", [self.binary, "portal"])
        wait_for("the portal", 20, lambda: connects(self.portal))
        self.api_key = self.ask("api-key", "add", "--name", "bench", "--ops")["key"]
        self.http = http.client.HTTPConnection("127.0.0.1", self.portal)

    def post(self, path, body):
        """Asks the API; when it was asked, in milliseconds since 1970."""
        asked = time.time() * 1_000
        self.http.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"})
        answer = self.http.getresponse()
        said = answer.read()
        if answer.status not in (200, 201):
            sys.exit(f"bench: {path} answered {answer.status}: {said.decode()}")
        return asked

    def ledger(self, start=0):
        """What the relay has taken, from a byte of its ledger on: when and from whom; and the byte after it."""
        with (self.folder / "mail" / "ledger.ndjson").open("rb") as file:
            file.seek(start)
            body = file.read()
        whole = body[: body.rfind(b"\n") + 1]
        taken = [(line["at_ms"], line["mail_from"]) for line in map(json.loads, whole.splitlines()) if line["answer"].startswith("2")]
        return taken, start + len(whole)

    def backlog(self):
        """Whether anything is left to send."""
        return self.query("SELECT COUNT(*) FROM (SELECT 1 FROM send WHERE state IN ('due', 'queued') LIMIT 1) AS open_sends") > 0


class Samples(threading.Thread):
    """Memory of every process, once a second, as it goes."""

    def __init__(self, fleet, path):
        super().__init__(daemon=True)
        self.fleet, self.path, self.done, self.stage = fleet, path, threading.Event(), "start"

    def run(self):
        began = time.monotonic()
        redis = Redis(self.fleet.redis_path)
        with self.path.open("w") as file:
            while not self.done.wait(1):
                row = {"at_s": round(time.monotonic() - began, 1), "stage": self.stage}
                row |= {f"{name}_rss_mib": round(memory(child.pid, "VmRSS"), 1) for name, child in list(self.fleet.children)}
                with contextlib.suppress(OSError):
                    row["redis_used_mib"] = round(int(redis.info("memory")["used_memory"]) / 2**20, 2)
                file.write(json.dumps(row) + "\n")
                file.flush()


def report(path, flat):
    path.write_text(json.dumps(flat, indent=2) + "\n")
    width = max(map(len, flat))
    for key, value in flat.items():
        print(f"{key:<{width}}  {value}")


def commit():
    return subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
