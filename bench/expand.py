"""Measures expansion with processes of its own; `bench/expand.sh` says what, and builds what it needs."""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

from fleet import Fleet, REDIS_SETTINGS, Samples, commit, memory, report, say, wait_for

MONTH_MS = 40 * 86_400_000


def measure(arguments, store, folder):
    fleet = Fleet(arguments.bin, folder, store)
    samples = Samples(fleet, arguments.out / f"expand-{store}.ndjson")
    try:
        fleet.set_up(relay="smtp-sink")
        fleet.add_partners("p", arguments.partners)
        say(f"{store}: importing {arguments.persons} contacts")
        for n in range(arguments.partners):
            fleet.add_contacts(f"p{n}", arguments.persons // arguments.partners + (n < arguments.persons % arguments.partners))
        fleet.start_scheduler()
        fleet.start_workers(2)
        samples.start()
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + MONTH_MS / 1000 - 86_400))
        say(f"{store}: expanding")
        samples.stage = "expand"
        began = time.monotonic()
        fleet.launch(None, "--start", start)
        expanded = lambda: fleet.query("SELECT COUNT(*) FROM activation WHERE expanded_at IS NOT NULL") == arguments.partners
        wait_for("the audiences", 6 * 3600, expanded, 0.1)
        seconds = time.monotonic() - began
        rows = fleet.query("SELECT COUNT(*) FROM send")
        assert rows == arguments.persons, f"{rows} rows for {arguments.persons} persons"
        say(f"{store}: the bare insert of the same rows")
        samples.stage = "bare"
        done = subprocess.run([arguments.bare, "rows", *fleet.urls], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench/expand: bare_insert: {done.stderr}")
        bare = json.loads(done.stdout)
        assert bare["rows"] == rows
        say(f"{store}: sending")
        samples.stage = "send"
        began = time.monotonic()
        subprocess.run([arguments.bare, "forward", fleet.urls[0], str(MONTH_MS)], check=True)
        wait_for("all of it to be sent", 24 * 3600, lambda: not fleet.backlog(), 1)
        sending = time.monotonic() - began
        fleet.check()
        not_sent = fleet.query("SELECT COUNT(*) FROM send WHERE state <> 'sent'")
        assert not_sent == 0, f"{not_sent} were not sent"
        peaks = {name: round(memory(child.pid, "VmHWM"), 1) for name, child in fleet.children}
        return {
            "expand_rows_per_s": round(rows / seconds),
            "bare_rows_per_s": round(rows / bare["seconds"]),
            "ratio": round(bare["seconds"] / seconds, 3),
            "sent_per_s": round(rows / sending),
            # What jobs and streams take, without what the server's own process takes beside them.
            "redis_peak_mib": round(int(fleet.redis.info("memory")["used_memory_peak"]) / 2**20, 1),
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
    print(f"{arguments.persons:,} persons of {arguments.partners} partners, one step; 1 scheduler, 2 workers of 50 hands; {REDIS_SETTINGS}; "
          "relay: Postfix's smtp-sink; warm-up: the import runs before, the processes idle on an open belt")
    flat = {"commit": commit(), "cores": os.cpu_count(), "load_average_before": os.getloadavg()[0], "persons": arguments.persons}
    for store in arguments.stores.split(","):
        with tempfile.TemporaryDirectory(prefix="throughline-expand-") as folder:
            found = measure(arguments, store, pathlib.Path(folder))
        print(f"{found.pop('settings')}; peaks (MiB): {found.pop('peaks_mib')}", flush=True)
        flat[f"expand_ratio_{store}"] = found["ratio"]
        for key in ("expand_rows_per_s", "bare_rows_per_s", "sent_per_s"):
            flat[f"{key}_{store}"] = found[key]
        for key in ("redis_peak_mib", "rss_peak_mib"):
            flat[key] = max(flat.get(key, 0), found[key])
    report(arguments.out / "expand.json", flat)


main()
