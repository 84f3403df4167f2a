#!/usr/bin/env bash
# How long a page of results takes of an activation with a million events, on SQLite.
#
# The activation is launched by the program; its sends and events are written into the book by SQL, as a program
# from before the counts would have left them: EVENTS events over 60 days, three in ten acceptances, five opens,
# two clicks, a fifth of the opens and clicks by machines. They are then counted in batches, as the track loop
# does, and the results are read 200 times, as a page does.
#
# usage: bench/results.sh [EVENTS]      (default 1000000)
set -euo pipefail
cd "$(dirname "$0")/.."

events=${1:-1000000}
for tool in redis-server python3; do
  command -v "$tool" >/dev/null || { echo "bench/results.sh: $tool is missing: run .ci/install test" >&2; exit 3; }
done
cargo build --quiet --workspace --bin throughline --example results_speed
bin=$PWD/target/debug/throughline
speed=$PWD/target/debug/examples/results_speed
package=$PWD/campaigns/product-launch
work=$(mktemp -d)
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --save '' --appendonly yes --maxmemory-policy noeviction >"$work/redis.log" &
redis=$!
trap 'kill "$redis" 2>/dev/null || true; wait "$redis" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

cat >throughline.toml <<TOML
[book]
url = "sqlite:$work/book.sqlite"
[redis]
url = "redis://127.0.0.1:$port"
[secrets]
address_key = "$(printf '1%.0s' {1..64})"
link_key = "$(printf '2%.0s' {1..64})"
TOML
cat >partners.csv <<CSV
partner_key,company_name,tier,from_email,web_site,postal_address
acme,Acme Ltd,Gold,mail@acme.example,https://acme.example,Main Street 1 | 1010 Vienna
CSV
echo "email
anna@example.com" >contacts.csv
"$bin" migrate >/dev/null
"$bin" vendor add Northwind >/dev/null
"$bin" import partners partners.csv >/dev/null
"$bin" import contacts --company acme --list customers --consent opt_in contacts.csv >/dev/null
"$bin" package publish "$package" >/dev/null
activation=$("$bin" launch --package product-launch --partner acme --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["activations"][0]["activation"])')

python3 - "$work/book.sqlite" "$events" <<'PY'
import sqlite3, sys
book, events = sqlite3.connect(sys.argv[1]), int(sys.argv[2])
sends = events * 3 // 10
steps = ["announce", "deep-dive", "last-call"]
start, minute, day = 1_767_225_600_000, 60_000, 86_400_000
targets = "01" * 16
book.execute("PRAGMA synchronous = OFF")
book.execute("INSERT INTO link_targets VALUES (?, 3, ?, 0)", (targets, '["https://a.example/","https://b.example/","https://c.example/"]'))
activation, = book.execute("SELECT activation_id FROM activation").fetchone()
contact, = book.execute("SELECT contact_id FROM contact").fetchone()
state = lambda n: "failed" if n % 50 == 0 else "sent"
book.executemany(
    "INSERT INTO send (send_id, activation_id, person_id, step_key, occurrence, contact_id, provider, state, reason, due_at, claim, attempts, duplicates)"
    " VALUES (?, ?, ?, ?, 0, ?, 'example.com', ?, ?, ?, ?, 0, 0)",
    ((1000 + n, activation, n // 3, steps[n % 3], contact, state(n), "rejected" if n % 50 == 0 else "", start, n) for n in range(sends)))
accepted = lambda n: start + (n % 3) * 7 * day + n % 7_200 * 1_000
agents = ["Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"] * 4 + ["curl/8"]
def rows():
    for n in range(sends):
        yield n, 1000 + n, activation, "bounced" if n % 50 == 0 else "accepted", n, accepted(n), "{}"
    for n in range(sends, events):
        send = n * 7919 % sends
        kind = "clicked" if n % 7 < 2 else "opened"
        at = accepted(send) + minute + (n * 104_729 % 40) ** 2 * 27 * minute
        what = f'"kind":"clicked","link":{1 + n % 3},"targets":"{targets}"' if kind == "clicked" else '"kind":"opened"'
        yield n, 1000 + send, activation, kind, n, at, '{%s,"method":"get","agent":"%s"}' % (what, agents[n % 5])
book.executemany("INSERT INTO event (event_id, send_id, activation_id, kind, source_number, at, detail) VALUES (?, ?, ?, ?, ?, ?, ?)", rows())
book.execute(
    "INSERT INTO event_class (event_id, send_id, activation_id, kind, class, rule, rules_version, settled)"
    " SELECT event_id, send_id, activation_id, kind, 'human', 'older', 'older', 1 FROM event WHERE kind IN ('opened', 'clicked')")
book.execute("UPDATE id_block SET next_id = ? WHERE table_name IN ('event', 'send')", (events + 1_000_000,))
book.commit()
PY
"$speed" "sqlite:$work/book.sqlite" "$activation"
