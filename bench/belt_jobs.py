"""Jobs that do nothing, through the belt and through two others on the same Redis; what jobs cost the server, and what they leave."""
import json, os, pathlib, subprocess, time

from fleet import Processes, REDIS_SETTINGS, memory, say, wait_for

# Bytes of what stands for the merge fields in a job: the same for all three.
BODY = 600
# The share of the jobs that is left out at the beginning and at the end: processes that start, hands that run empty.
WARM_UP = 0.1
SAMPLE_EVERY = 0.05
HANDS = 256
KEY = "tl:{0}:1:email:"


class Belt:
    """The belt: apalis over our backend, jobs completed with an event, and the events read and committed as the recorder does."""

    name = "belt"

    def __init__(self, place, tools):
        self.place, self.load = place, tools["belt"]

    def run(self, *words):
        subprocess.run([self.load, *map(str, words)], check=True)

    def open(self):
        self.run("open", self.place.redis_url)
        self.recorder = self.place.spawn("recorder", [self.load, "record", self.place.redis_url])

    def push(self, count, lanes, first=0):
        self.run("push", self.place.redis_url, first, count, lanes)

    def work(self, processes):
        for n in range(processes):
            self.place.spawn(f"noop-{n}", [self.load, "work", self.place.redis_url, f"noop-{n}", HANDS])

    def left(self):
        return self.place.redis("HLEN", KEY + "jobs")

    def is_recorded(self):
        return self.place.redis("XLEN", "tl:{0}:outcomes") == 0

    def close(self):
        self.place.stop("noop", "recorder")


class BullMq:
    """BullMQ as its documentation has it: bulk pushes, one Worker a process, what is done is removed."""

    name = "bullmq"
    CONCURRENCY = 100

    def __init__(self, place, tools):
        self.place, self.command = place, ["node", tools["bullmq"]]

    def open(self):
        pass

    def push(self, count, lanes):
        subprocess.run([*self.command, "push", self.place.redis_path, str(count), str(BODY)], check=True)

    def work(self, processes):
        for n in range(processes):
            self.place.spawn(f"noop-{n}", [*self.command, "work", self.place.redis_path, self.CONCURRENCY], env=os.environ | {"NODE_ENV": "production"})

    def left(self):
        return self.place.redis("LLEN", "bull:noop:wait") + self.place.redis("LLEN", "bull:noop:active")

    def close(self):
        self.place.stop("noop")


class ApalisRedis:
    """Stock apalis-redis, which acknowledges every job; it keeps what is done."""

    name = "apalis_redis"
    CONCURRENCY, BATCH = 100, 100

    def __init__(self, place, tools):
        self.place, self.command = place, [tools["apalis"]]
        self.count = 0

    def open(self):
        self.count = 0

    def push(self, count, lanes):
        self.count += count
        subprocess.run([*self.command, "push", self.place.redis_url, str(count), str(BODY)], check=True)
        # It pushes to the scheduled set, and its workers take everything that is due off it in one `unpack`, which Lua refuses for
        # more than 8,000. So that it runs at all, the same is done here in parts.
        while ids := self.place.redis("ZRANGE", "noop:scheduled", 0, 999):
            self.place.redis("RPUSH", "noop:active", *ids)
            self.place.redis("ZREM", "noop:scheduled", *ids)

    def work(self, processes):
        for n in range(processes):
            self.place.spawn(f"noop-{n}", [*self.command, "work", self.place.redis_url, f"noop-{n}", self.CONCURRENCY, self.BATCH])

    def left(self):
        return self.count - self.place.redis("SCARD", "noop:done")

    def close(self):
        self.place.stop("noop")


def cpu_seconds(pid):
    """What the kernel says the process has used, of its own and for it."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def used(place):
    return int(place.redis.info("memory")["used_memory"])


def jobs_per_s(samples, count):
    """Between the moments at which a tenth was done and at which a tenth was left."""
    def at(left):
        for (before, more), (after, less) in zip(samples, samples[1:]):
            if more > left >= less:
                return before + (after - before) * (more - left) / (more - less)
        raise ValueError(f"{left} jobs were never left")

    return count * (1 - 2 * WARM_UP) / (at(count * WARM_UP) - at(count * (1 - WARM_UP)))


def measure_speed(place, system, count, lanes, processes, raw):
    place.redis("FLUSHALL")
    system.open()
    before = used(place)
    system.push(count, lanes)
    queued = (used(place) - before) / count
    cpu = place.redis.info("cpu")
    began, samples = time.monotonic(), []
    system.work(processes)
    while not samples or samples[-1][1] > 0:
        samples.append((time.monotonic() - began, system.left()))
        if samples[-1][0] > 600:
            raise SystemExit(f"bench/belt: {system.name} has {samples[-1][1]} of {count} jobs left after 10 minutes")
        place.check()
        time.sleep(SAMPLE_EVERY)
    after = place.redis.info("cpu")
    redis_cpu = sum(float(after[name]) - float(cpu[name]) for name in ("used_cpu_user_main_thread", "used_cpu_sys_main_thread"))
    cpu_of = lambda part: round(sum(cpu_seconds(child.pid) for name, child in place.children if name.startswith(part)) * 1e6 / count, 2)
    peak = max(memory(child.pid, "VmHWM") for name, child in place.children if name.startswith("noop"))
    workers, recorder = cpu_of("noop"), cpu_of("recorder")
    system.close()
    speed = round(jobs_per_s(samples, count))
    row = {"system": system.name, "jobs": count, "lanes": lanes, "processes": processes, "jobs_per_s": speed, "bytes_per_queued_job": round(queued),
           "redis_us_per_job": round(redis_cpu * 1e6 / count, 2), "workers_us_per_job": workers, "recorder_us_per_job": recorder,
           "process_peak_mib": round(peak, 1)}
    print("  " + "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    raw.write(json.dumps(row | {"samples": [[round(at, 3), left] for at, left in samples]}) + "\n")
    return row


def measure_no_ops(place, tools, jobs, peer_jobs, raw):
    print(f"no-op jobs: {BODY} bytes of fields each, all queued before; {HANDS} hands a worker; peers with {BullMq.CONCURRENCY} under way a process, "
          f"apalis-redis in batches of {ApalisRedis.BATCH}; warm-up: the first tenth, and the last, are not counted; {REDIS_SETTINGS}; unix socket")
    rows = [measure_speed(place, Belt(place, tools), jobs, lanes, workers, raw) for lanes in (1, 1_000) for workers in (1, 2)]
    rows += [measure_speed(place, BullMq(place, tools), peer_jobs, 1, processes, raw) for processes in (1, 2, 3)]
    rows += [measure_speed(place, ApalisRedis(place, tools), peer_jobs, 1, processes, raw) for processes in (1, 2)]
    best = lambda name, lanes=None: max(row["jobs_per_s"] for row in rows if row["system"] == name and lanes in (None, row["lanes"]))
    of = lambda name: next(row for row in rows if row["system"] == name)
    flat = {f"noop_jobs_per_s_{row['lanes']}_lanes_{row['processes']}_workers": row["jobs_per_s"] for row in rows if row["system"] == "belt"}
    # As many workers as help, and of both numbers of lanes the slower one.
    flat |= {"noop_jobs_per_s": min(best("belt", 1), best("belt", 1_000)), "bullmq_jobs_per_s": best("bullmq"),
             "apalis_redis_jobs_per_s": best("apalis_redis")}
    flat |= {f"bullmq_jobs_per_s_{row['processes']}_processes": row["jobs_per_s"] for row in rows if row["system"] == "bullmq"}
    flat["noop_ratio_to_bullmq"] = round(flat["noop_jobs_per_s"] / flat["bullmq_jobs_per_s"], 2)
    flat["noop_ratio_to_apalis_redis"] = round(flat["noop_jobs_per_s"] / flat["apalis_redis_jobs_per_s"], 2)
    flat["bytes_per_queued_job"] = next(row for row in rows if row["system"] == "belt" and row["lanes"] == 1_000)["bytes_per_queued_job"]
    flat |= {f"bytes_per_queued_job_{name}": of(name)["bytes_per_queued_job"] for name in ("bullmq", "apalis_redis")}
    return flat


def measure_left(place, tools, jobs, raw):
    """What finished jobs leave in Redis: the slope of its memory over so many, in eight rounds with 1,000 lanes, each to its end."""
    place.redis("FLUSHALL")
    belt, rounds = Belt(place, tools), 8
    each = jobs // rounds
    belt.open()
    belt.work(2)
    points = []
    # The first round makes what there is once, for each lane and worker.
    for n in range(rounds + 1):
        belt.push(each, 1_000, n * each)
        wait_for("the jobs to end", 600, lambda: belt.left() == 0 and belt.is_recorded(), 0.1)
        # What workers keep in memory is no part of it, buffers of connections neither.
        time.sleep(1.5)
        points.append((n * each, used(place)))
    belt.close()
    mean_x, mean_y = (sum(point[i] for point in points) / len(points) for i in (0, 1))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    raw.write(json.dumps({"memory_after_jobs": points, "bytes_a_job": slope}) + "\n")
    print(f"  used_memory after each of {len(points)} rounds of {each} jobs: {[bytes_ for _, bytes_ in points]}", flush=True)
    # Half a hundredth of a byte is 5 kB over a million jobs: less than a buffer.
    return {"bytes_left_per_finished_job": round(slope, 2) + 0.0, "left_over_jobs": jobs}


def measure_cost(tools, raw):
    """The server's own time for each claimed job. Its own server, made by the example; others on this machine do not count."""
    done = subprocess.run([tools["cost"], "json"], check=True, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    print(f"server time: Redis' own count of the claim script, for each of {rows[0]['jobs']} jobs of {rows[0]['body_bytes']} bytes, in claims of "
          f"{rows[0]['batch']}; appendonly yes, appendfsync everysec; no warm-up")
    flat = {}
    for row in rows:
        raw.write(json.dumps(row) + "\n")
        print("  " + "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        kind = "" if row["limits"] == "relay" else "_all_limits" if row["providers"] == 1 else "_all_limits_5_providers"
        flat[f"claim_us_{row['lanes']}_lanes{kind}"] = row["script_us"]
    flat["claim_us_ratio_23000_to_10"] = round(flat["claim_us_23000_lanes"] / flat["claim_us_10_lanes"], 2)
    return flat


def measure(folder, tools, asked, out):
    place = Processes(folder)
    flat = {}
    try:
        place.start_redis()
        if "jobs" in asked.parts:
            say("jobs that do nothing: the belt, BullMQ, apalis-redis")
            with (out / "belt-jobs.ndjson").open("w") as raw:
                flat |= measure_no_ops(place, tools, asked.jobs, asked.peer_jobs, raw)
        if "left" in asked.parts:
            say(f"what {asked.left} finished jobs leave")
            with (out / "belt-left.ndjson").open("w") as raw:
                flat |= measure_left(place, tools, asked.left, raw)
        if "cost" in asked.parts:
            say("what a claimed job costs the server")
            with (out / "belt-cost.ndjson").open("w") as raw:
                flat |= measure_cost(tools, raw)
    finally:
        place.stop()
    return flat
