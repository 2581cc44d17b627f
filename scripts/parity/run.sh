#!/usr/bin/env bash
# Runs every comparison of this folder with a reference implementation, in a virtual
# environment of pinned packages, prints one table at the end and also writes it to
# CACHE/parity.md; progress goes to standard error. The exit code is 0 only if every
# comparison is within its tolerance.
# Usage: run.sh CACHE [--docs]
# --docs writes the table to docs/parity.md and its summary to README.md. The environment is created in CACHE/parity
# on the first run; PYTHON names another interpreter that has the packages already.
set -euo pipefail
cache=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
python=$(scripts/environment.sh "$cache" parity "$here/requirements.txt")
export EOMT_CACHE=$cache
# As in the Makefile: vectorised matrix products, and math.Exp as fast as without them.
if [ "$(go env GOARCH)" = amd64 ]; then
    export GOEXPERIMENT=${GOEXPERIMENT:-simd} GODEBUG=${GODEBUG:-cpu.fma=off}
fi
backends=go
if [ -e "$cache/pjrt/pjrt_c_api_cpu_plugin.so" ]; then
    backends=go,xla:cpu
else
    echo "parity: no PJRT plugin in $cache/pjrt, so not on xla:cpu (\`make setup\` fetches one)" >&2
fi
EOMT_PARITY_ROWS=$(mktemp)
export EOMT_PARITY_ROWS
trap 'rm -f "$EOMT_PARITY_ROWS"' EXIT
status=0
start=$SECONDS
"$python" "$here/model.py" --backends "$backends" || status=1
"$python" "$here/exported.py" || status=1
"$python" "$here/recorded.py" || status=1
"$python" "$here/weights.py" || status=1
"$python" "$here/processor.py" ../shared/realdata || status=1
"$python" "$here/metrics.py" || status=1
"$python" "$here/runlog.py" || status=1
"$python" "$here/jpeg.py" || status=1
"$python" "$here/table.py" "$EOMT_PARITY_ROWS" --markdown "$cache/parity.md" || status=1
if [ "${2:-}" = --docs ]; then
    "$python" "$here/summary.py" "$cache/parity.md" >"$cache/parity-summary.md"
    "$python" "$here/../insert.py" docs/parity.md parity "$cache/parity.md"
    "$python" "$here/../insert.py" README.md parity "$cache/parity-summary.md"
fi
echo "parity: $(((SECONDS - start) / 60)) minutes" >&2
exit $status
