#!/usr/bin/env bash
# Persons expanded and sent into nothing: how fast the book decides them beside a bare insert of the same rows, and what memory it
# takes, on both stores. For the night: a million take about half an hour, ten million several hours.
#
# A fleet of processes of its own (private Redis with its log on, SQLite file or private PostgreSQL, one scheduler, two workers).
# The null channel is Postfix's smtp-sink, a program of others that takes every message and keeps none: the fleet has no channel
# that sends nothing, and what is measured is the product as it is, with a relay that costs little.
#
#   expand  a launch for all partners with its start in a month, timed from the click until the last audience is decided
#   bare    the same rows inserted into an empty book of the same engine, table and indexes, by the same driver, in the same run
#   send    the clock is brought forward and all of it goes; peaks of every process are the kernel's own (VmHWM)
#
# usage: bench/expand.sh [PERSONS] [--stores sqlite,postgres] [--partners N]      (default 1000000)
# Prints settings and figures; writes target/bench/expand.json (flat) and the raw samples beside it, expand-STORE.ndjson.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PATH:/usr/sbin"
for tool in redis-server smtp-sink python3; do
  command -v "$tool" >/dev/null || { echo "bench/expand.sh: $tool is missing: run .ci/install bench" >&2; exit 3; }
done
cargo build --quiet -p throughline
cargo build --quiet -p store --example bare_insert
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
exec python3 bench/expand.py --bin "$target/debug/throughline" --bare "$target/debug/examples/bare_insert" \
  --out "$target/bench" "$@"
