#!/usr/bin/env bash
# How long a partner waits after the click, and what the portal takes, on this machine.
#
# A fleet of processes of its own (private Redis, SQLite book, scheduler, two workers, portal, the sink as relay):
#   launch   the button of an invitation's page to the first message in the sink's ledger, on an idle fleet
#   visible  an open or click to its count in the page of the launch, asked for over HTTP, on an idle fleet
#   tracking opens and clicks of real mail at a constant rate, each timed from the moment it was due; every one of
#            them must be in the book afterwards, or there is no figure
#   most     as many as go, beside nginx that answers with an empty picture, both asked by wrk in the same way
#   page     the page of a launch with a million events, over HTTP
#
# usage: bench/portal.sh [--launches N] [--visible N] [--rate R] [--seconds S] [--most-seconds S] [--events N] [--only PART,…]
#        PART: visible, tracking, most, page; launches always come first
# Prints settings and figures; writes target/bench/portal.json (flat).
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PATH:/usr/sbin"
for tool in redis-server python3 nginx wrk; do
  command -v "$tool" >/dev/null || { echo "bench/portal.sh: $tool is missing: run .ci/install bench" >&2; exit 3; }
done
cargo build --quiet -p throughline
cargo build --quiet --workspace --example track_load
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
exec python3 bench/portal.py --bin "$target/debug/throughline" --load "$target/debug/examples/track_load" \
  --out "$target/bench/portal.json" "$@"
