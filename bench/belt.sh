#!/usr/bin/env bash
# What the belt takes, on this machine, beside others on the same Redis, and what a fleet makes of it.
#
#   jobs    jobs that do nothing: claim, apalis handler, complete with an event that is read and committed; with 1 and 1,000 lanes,
#           1 and 2 worker processes. Beside them BullMQ (1, 2 and 3 processes) and stock apalis-redis with its acknowledgements, on
#           the same server with the same settings and the same bytes
#   left    what finished jobs leave in Redis' memory
#   cost    the server's time for each claimed job with 10, 1,000 and 23,000 lanes
#   idle    an idle fleet: from a launch's answer to its message in the relay's ledger, and what workers ask of Redis meanwhile
#   fair    equal lanes, compared when half is through (Jain's index)
#   lone    partners of one message behind one with a million due
#   limits  use and worst window of a relay's limit, where the permit is taken and in the relay's ledger, with 1, 2, 4 and 8 workers
#   feed    passes of the feed over millions of due sends in thousands of lanes
#
# Processes are the product's own: the fleets `throughline scheduler`, `worker`, `portal` and `sink` as the other benches have them
# (dev profile, lightly optimised); the jobs that do nothing run in processes built for release, the peer in Rust too.
#
# usage: bench/belt.sh [--only PART,…] [--jobs N] [--peer-jobs N] [--left N] [--idle N] [--lanes N] [--each N] [--big N] [--lone N]
#                      [--limit-seconds S] [--rate R] [--due N] [--feed-lanes N] [--feed-seconds S]
# Prints settings and figures; writes target/bench/belt.json (flat) and the raw samples beside it, belt-PART.ndjson.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PATH:/usr/sbin"
for tool in redis-server smtp-sink python3 node; do
  command -v "$tool" >/dev/null || { echo "bench/belt.sh: $tool is missing: run .ci/install bench-belt" >&2; exit 3; }
done
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
peers=$target/peers
[ -d bench/peers/bullmq/node_modules/bullmq ] || { echo "bench/belt.sh: BullMQ is missing: run .ci/install bench-belt" >&2; exit 3; }
cargo build --quiet -p throughline
cargo build --quiet --release -p belt --example belt_load --example belt_cost
CARGO_TARGET_DIR=$peers cargo build --quiet --release --locked --manifest-path bench/peers/apalis-redis/Cargo.toml
mkdir -p "$target/bench"
exec python3 bench/belt.py --bin "$target/debug/throughline" --belt "$target/release/examples/belt_load" \
  --cost "$target/release/examples/belt_cost" --bullmq bench/peers/bullmq/noop.mjs --apalis "$peers/release/bench-apalis-redis" \
  --out "$target/bench" "$@"
