#!/usr/bin/env bash
# Serves weights and uses the page in Chromium as people do, on a desktop and on a phone,
# light and dark; fails on defects that they would notice.
# Usage: serve.sh WEIGHTS IMAGE OUTDIR [flags of cmd/serve ...]
# Screenshots are written to OUTDIR. Chromium and the virtual environment are those of
# chromium.sh. Exit status: 1 if the page has defects, 3 if Chromium or Playwright is missing.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "usage: serve.sh WEIGHTS IMAGE OUTDIR [flags of cmd/serve ...]" >&2
    exit 2
fi
weights=$1 image=$2 out=$3
shift 3
. "$(dirname "$0")/chromium.sh"
scratch=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$scratch"' EXIT
(cd "$here/../.." && go build -o "$scratch/serve" ./cmd/serve)
"$scratch/serve" -weights "$weights" -addr 127.0.0.1:0 "$@" >"$scratch/address" 2>"$scratch/log" &
server=$!
until [ -s "$scratch/address" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.2
done
"$python" "$here/serve.py" --chromium "$chromium" "$(cat "$scratch/address")" "$image" "$out"
