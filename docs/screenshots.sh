#!/usr/bin/env bash
# Pictures of the sample packages for three very different partners, as Chromium shows them, and the two sheets of this
# folder made of them.
#
# usage: docs/screenshots.sh            what the sheets show, in a minute
#        docs/screenshots.sh --all      every package, partner and language, in twenty
# Writes target/screenshots/<package>/<partner>.<language>/*.png and docs/*.png.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/install browser >&2
cargo build --quiet -p throughline
bin=$PWD/target/debug/throughline
root=$PWD
out=$PWD/target/screenshots
work=$(mktemp -d)
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --save '' --appendonly yes --maxmemory-policy noeviction >"$work/redis.log" &
redis=$!
trap 'kill "$redis" 2>/dev/null || true; wait "$redis" 2>/dev/null || true; rm -rf "$work"' EXIT
cat >"$work/throughline.toml" <<TOML
[redis]
url = "redis://127.0.0.1:$port"
[secrets]
address_key = "$(printf '1%.0s' {1..64})"
link_key = "$(printf '2%.0s' {1..64})"
TOML
run() { "$bin" --config "$work/throughline.toml" "$@" >/dev/null; }

# What the sheets show: package/partner.language/step.
on_brands=(product-launch/harbour.en/announce webinar-in-a-box/zitrus.de/invite product-launch/noor.ar/deep-dive)
on_phones=(product-launch/zitrus.ja/announce webinar-in-a-box/noor.ar/reminder evergreen-newsletter/harbour.fr/newsletter
  webinar-in-a-box/harbour.en/thanks)
wanted() { [ "$all" = yes ] || [[ " ${on_brands[*]} ${on_phones[*]} " == *" $1/"* ]]; }
all=no
[ "${1:-}" = --all ] && all=yes
rm -rf "$out"
for package in campaigns/*/; do
  name=$(basename "$package")
  # Every package has a vendor of its own.
  export THROUGHLINE__BOOK__URL="sqlite:$work/$name.sqlite"
  run migrate
  run vendor add "$(sed -n 's/^vendor = "\(.*\)"/\1/p' "$package/package.toml")"
  run import partners docs/brands/partners.csv
  more=()
  [ "$name" = webinar-in-a-box ] && more=(--slot "event_at=2027-02-04T10:00[Europe/Vienna]" --slot seats=40)
  for partner in harbour zitrus noor; do
    for language in en de fr ja ar; do
      wanted "$name/$partner.$language" || continue
      echo "$name for $partner in $language"
      run render --dir "$package" --partner "$partner" --language "$language" "${more[@]}" --png --out "$out/$name/$partner.$language"
    done
  done
done

# A sheet of pictures side by side, as high as its frame.
sheet() {
  local file=$1 width=$2 height=$3
  shift 3
  {
    echo '<!DOCTYPE html><style>body{margin:0;background:#d9dce3;display:flex;gap:16px;padding:16px;align-items:flex-start}'
    echo 'img{width:0;flex:1 1 0;border-radius:8px;box-shadow:0 2px 10px #0003;object-fit:cover;object-position:top}</style>'
    for picture in "$@"; do echo "<img src=\"file://$out/$picture.png\" style=\"height:$((height - 32))px\">"; done
  } >"$work/sheet.html"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
    --host-resolver-rules='MAP * ~NOTFOUND' --window-size="$width,$height" \
    --screenshot="$root/docs/$file" "$work/sheet.html" 2>/dev/null
}
sheet brands.png 1200 640 "${on_brands[@]/%/.desktop-light}"
sheet phones.png 1200 760 "${on_phones[0]}.phone-light" "${on_phones[1]}.phone-dark" "${on_phones[2]}.offboarding.phone-light" \
  "${on_phones[3]}.phone-dark"
echo "wrote docs/brands.png and docs/phones.png"
