#!/usr/bin/env bash
# The whole fleet beside Postfix's smtp-source, in one run, with messages of the same size.
#
# 1. `throughline demo`: package, CSV files, SQLite book, scheduler, private Redis, two worker processes,
#    rendering for every recipient, the sink in a process of its own, ledger compared with the book.
# 2. `smtp-source -s 50` sending one fixed message of the mean size of (1) into `smtp-sink`.
#
# usage: bench/demo.sh [PARTNERS] [CONTACTS_PER_PARTNER]      (default 1000 50)
# Prints settings and both figures; writes target/bench/demo.json (flat) and keeps the demo's summary beside it.
set -euo pipefail
cd "$(dirname "$0")/.."

partners=${1:-1000}
contacts=${2:-50}
out=target/bench
mkdir -p "$out"

for tool in smtp-source smtp-sink redis-server python3; do
  PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null || { echo "bench/demo.sh: $tool is missing: run .ci/install" >&2; exit 3; }
done
PATH="$PATH:/usr/sbin"
cargo build --quiet -p throughline

kept=$(mktemp -d)
target/debug/throughline demo --exit --json --keep "$kept" \
  --partners "$partners" --contacts-per-partner "$contacts" >"$out/demo-summary.json"

# The mean size of what the sink accepted, from its own ledger.
size=$(python3 - "$kept" <<'PY'
import json, pathlib, sys
sizes = []
for ledger in pathlib.Path(sys.argv[1]).rglob("ledger.ndjson"):
    for line in ledger.open():
        entry = json.loads(line)
        if entry["answer"].startswith("250"):
            sizes.append(entry["size_bytes"])
print(round(sum(sizes) / len(sizes)))
PY
)
rm -rf "$kept"
messages=50000
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
as_user=()
[ "$(id -u)" = 0 ] && as_user=(-u nobody)
smtp-sink "${as_user[@]}" "127.0.0.1:$port" 100 &
sink=$!
trap 'kill "$sink" 2>/dev/null || true' EXIT
python3 - "$port" <<'PY'
import socket, sys, time
for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
        break
    except OSError:
        time.sleep(0.02)
PY
start=$(date +%s%N)
smtp-source -s 50 -l "$size" -m "$messages" -f from@sender.example -t to@recipient.example "127.0.0.1:$port"
end=$(date +%s%N)

python3 - "$out" "$size" "$messages" "$start" "$end" "$partners" "$contacts" <<'PY'
import json, sys
out, size, messages, start, end, partners, contacts = sys.argv[1:]
summary = json.load(open(f"{out}/demo-summary.json"))
reference = int(messages) / ((int(end) - int(start)) / 1e9)
flat = {
    "partners": int(partners),
    "contacts_per_partner": int(contacts),
    "message_bytes": int(size),
    "sent": summary["ledger"]["sent_in_book"],
    "duplicates": summary["ledger"]["duplicates"],
    "book_and_ledger_agree": summary["ledger"]["agree"],
    "redis_peak_mib": round(summary["redis_peak_memory_bytes"] / 2**20, 1),
    "demo_msgs_per_s": round(summary["course"]["messages_per_second"]),
    "smtp_source_msgs_per_s": round(reference),
    "ratio": round(summary["course"]["messages_per_second"] / reference, 3),
}
json.dump(flat, open(f"{out}/demo.json", "w"), indent=2)
width = max(map(len, flat))
for key, value in flat.items():
    print(f"{key:<{width}}  {value}")
PY
