#!/usr/bin/env bash
# Importing a million contacts from CSV, beside the shortest Python that does as much.
#
# 1. `throughline import contacts` of ROWS rows into a fresh SQLite book: encoding and delimiter found, headers
#    understood, every row checked, repeats found, written in transactions that reach the disk; then the same file
#    again (nothing changes).
# 2. Python: csv.DictReader, a regular expression for the address, a dict for repeats, `insert or replace` into a
#    SQLite table with a unique index, WAL, synchronous as the book has it, in transactions of the same size.
#
# usage: bench/import.sh [ROWS]      (default 1000000)
# Prints settings, times and the most memory each held; writes target/bench/import.json (flat).
set -euo pipefail
cd "$(dirname "$0")/.."

rows=${1:-1000000}
out=$PWD/target/bench
mkdir -p "$out"
for tool in redis-server python3; do
  command -v "$tool" >/dev/null || { echo "bench/import.sh: $tool is missing: run .ci/install test" >&2; exit 3; }
done
cargo build --quiet -p throughline
bin=$PWD/target/debug/throughline
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
python3 - "$rows" <<'PY'
import sys
first = ["Anna", "Bert", "Zoë", "Søren", "María", "李", "O'Neil", "Jean-Luc"]
with open("contacts.csv", "w", encoding="utf-8", newline="") as file:
    file.write("E-Mail,First Name,Last Name,Company,Job Title,Country\r\n")
    for n in range(int(sys.argv[1])):
        file.write(f'person.{n}@customer-{n % 40_000}.example,{first[n % 8]},Family{n % 977},"Firm {n % 40_000}, Ltd",Head of {n % 31},AT\r\n')
PY
"$bin" migrate >/dev/null
"$bin" vendor add "Northwind Secure" >/dev/null
"$bin" import partners partners.csv >/dev/null

cat >python_import.py <<'PY'
import csv, re, sqlite3, sys
address = re.compile(r"^[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>()]+$")
db = sqlite3.connect("python.sqlite", isolation_level=None)
db.execute("pragma journal_mode=wal"); db.execute("pragma synchronous=full")
db.execute("create table contacts(list text, email text, first text, last text, fields text, unique(list, email))")
seen, batch = {}, []
def write():
    db.execute("begin")
    db.executemany("insert or replace into contacts values ('customers',?,?,?,?)", batch)
    db.execute("commit")
    batch.clear()
with open("contacts.csv", encoding="utf-8-sig", newline="") as file:
    for number, row in enumerate(csv.DictReader(file)):
        email = row["E-Mail"].strip().lower()
        if not address.match(email):
            print("refused", number); continue
        seen[email] = number
        batch.append((email, row["First Name"], row["Last Name"], row["Company"] + "|" + row["Job Title"]))
        if len(batch) == 500: write()
write()
print(len(seen))
PY

cat >timed.py <<'PY'
import json, os, resource, subprocess, sys, time
start = time.monotonic()
process = subprocess.Popen(sys.argv[2:], stdout=open(sys.argv[1] + ".out", "w"))
_, status, usage = os.wait4(process.pid, 0)
took = time.monotonic() - start
if status: sys.exit(f"{sys.argv[2:]} ended with {status}")
json.dump({"seconds": round(took, 2), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2), "peak_mib": round(usage.ru_maxrss / 1024, 1)}, open(sys.argv[1] + ".json", "w"))
PY
import=("$bin" --json import contacts --company acme --list customers --consent opt_in contacts.csv)
python3 timed.py first "${import[@]}"
python3 timed.py python python3 python_import.py
python3 timed.py again "${import[@]}"

python3 - "$out" "$rows" <<'PY'
import json, os, sys
out, rows = sys.argv[1], int(sys.argv[2])
first, python, again = (json.load(open(f"{name}.json")) for name in ("first", "python", "again"))
report = [json.loads(open(f"{name}.out").read()) for name in ("first", "again")]
assert report[0]["created"] == rows and report[0]["refused"] == 0, report[0]
assert report[1]["unchanged"] == rows, report[1]
assert int(open("python.out").read()) == rows
flat = {"rows": rows, "file_mib": round(os.path.getsize("contacts.csv") / 2**20, 1)}
for name, it in (("import", first), ("again", again), ("python", python)):
    flat |= {f"{name}_{key}": value for key, value in it.items()}
flat["import_rows_per_s"] = round(rows / first["seconds"])
flat["python_rows_per_s"] = round(rows / python["seconds"])
flat["ratio"] = round(python["seconds"] / first["seconds"], 3)
json.dump(flat, open(f"{out}/import.json", "w"), indent=2)
width = max(map(len, flat))
for key, value in flat.items():
    print(f"{key:<{width}}  {value}")
PY
