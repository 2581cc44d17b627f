#!/usr/bin/env bash
# Serves a small network and uses it with an unmodified tritonclient, over HTTP and gRPC.
# Usage: run.sh CACHE [WEIGHTS]
# Without WEIGHTS the network is random. The virtual environment is created in
# CACHE/tritonclient on the first run; PYTHON names another interpreter that has the packages.
set -euo pipefail
cache=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
python=$(scripts/environment.sh "$cache" tritonclient "$here/requirements.txt")
scratch=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$scratch"' EXIT
weights=${2:-$scratch/network}
go build -o "$scratch/" ./cmd/serve ./cmd/weights ./cmd/data
if [ $# -lt 2 ]; then
    "$scratch/data" shapes -out "$scratch/shapes" -images 4 -seed 1 >&2
    "$scratch/weights" init -config configs/quickstart.yaml -set data.root="$scratch/shapes" -seed 1 -out "$weights" >&2
fi
echo secret >"$scratch/token"
: >"$scratch/address"
"$scratch/serve" -weights "$weights" -task panoptic -addr 127.0.0.1:0 -grpc 127.0.0.1:0 -token-file "$scratch/token" >"$scratch/address" 2>"$scratch/log" &
server=$!
until [ "$(wc -l <"$scratch/address")" -ge 2 ]; do
    kill -0 "$server" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.2
done
"$python" "$here/check.py" $(cat "$scratch/address") secret || { tail -20 "$scratch/log" >&2; exit 1; }
kill "$server"
wait "$server"
