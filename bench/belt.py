"""Measures the belt: with jobs that do nothing beside others, and in fleets of its own; `bench/belt.sh` says what, and builds what it needs."""
import argparse, os, pathlib, random, shutil, sys, tempfile

import belt_feed, belt_fleet, belt_jobs
from fleet import commit, report

PARTS = "jobs,left,cost,idle,fair,lone,limits,feed"


def main():
    arguments = argparse.ArgumentParser()
    for path in ("--bin", "--belt", "--cost", "--bullmq", "--apalis", "--out"):
        arguments.add_argument(path, type=lambda text: pathlib.Path(text).resolve(), required=True)
    arguments.add_argument("--only", default=PARTS)
    arguments.add_argument("--jobs", type=int, default=600_000, help="no-op jobs of each run of the belt")
    arguments.add_argument("--peer-jobs", type=int, default=150_000, help="no-op jobs of each run of the peers")
    arguments.add_argument("--left", type=int, default=1_000_000, help="finished jobs over which the slope of Redis' memory is taken")
    arguments.add_argument("--idle", type=int, default=200, help="first jobs of an idle fleet")
    arguments.add_argument("--lanes", type=int, default=1_000, help="equal lanes whose shares are compared")
    arguments.add_argument("--each", type=int, default=60, help="messages of each of them")
    arguments.add_argument("--big", type=int, default=1_000_000, help="messages of the partner the others wait behind")
    arguments.add_argument("--lone", type=int, default=100, help="partners of one message")
    arguments.add_argument("--limit-seconds", type=int, default=60, help="seconds for each number of workers")
    arguments.add_argument("--rate", type=int, default=300, help="messages a second the relay is limited to")
    arguments.add_argument("--due", type=int, default=5_000_000, help="due sends in the book")
    arguments.add_argument("--feed-lanes", type=int, default=23_000)
    arguments.add_argument("--feed-seconds", type=int, default=120)
    asked = arguments.parse_args()
    asked.parts = asked.only.split(",")
    if unknown := set(asked.parts) - set(PARTS.split(",")):
        sys.exit(f"bench/belt: no such part: {', '.join(unknown)} ({PARTS})")
    random.seed(2026)
    tools = {"belt": asked.belt, "cost": asked.cost, "bullmq": asked.bullmq, "apalis": asked.apalis}
    flat = {"commit": commit(), "cores": os.cpu_count(), "load_average_before": os.getloadavg()[0]}
    for module in (belt_jobs, belt_fleet, belt_feed):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="throughline-belt-"))
        try:
            flat |= module.measure(folder, tools, asked, asked.out) if module is belt_jobs else module.measure(folder, asked.bin, asked, asked.out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    report(asked.out / "belt.json", flat)


main()
