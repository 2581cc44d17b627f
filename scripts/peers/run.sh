#!/usr/bin/env bash
# Runs every speed comparison of this folder with a reference implementation, in a
# virtual environment of pinned packages, prints the tables and also writes them to
# CACHE/peers.md.
# Usage: run.sh CACHE [REALDATA] [--docs]
# The environment is created in CACHE/peers on the first run; PYTHON names another
# interpreter that has the packages already. REALDATA is a folder of real samples
# (coco_instance, coco_panoptic, oracle_ap); without it the comparisons that read them
# are skipped. A busy machine is refused (quiet.sh). --docs writes the tables to docs/speed.md and a summary to README.md.
set -euo pipefail
cache=$1
data=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
[ -z "$data" ] || data=$(realpath -m "$data")
cd "$here/../.."
scripts/peers/quiet.sh
python=$(scripts/environment.sh "$cache" peers "$here/requirements.txt")
export EOMT_CACHE=$cache
# As in the Makefile: vectorised matrix products, and math.Exp as fast as without them.
if [ "$(go env GOARCH)" = amd64 ]; then
    export GOEXPERIMENT=${GOEXPERIMENT:-simd} GODEBUG=${GODEBUG:-cpu.fma=off}
fi
tables=$cache/peers.md
: >"$tables"
status=0
compare() {
    local title=$1
    shift
    printf '### %s\n\n' "$title" | tee -a "$tables"
    "$python" "$@" | tee -a "$tables" || status=1
    echo | tee -a "$tables"
}
compare "Model and training step" "$here/step.py"
compare "Loading weights" "$here/weights.py"
if [ -d "$data/coco_instance" ]; then
    compare "Data" "$here/loader.py" "$data/coco_instance"
    compare "Data with colour jitter" "$here/loader.py" "$data/coco_instance" --jitter
    compare "Annotations" "$here/annotations.py" "$data/oracle_ap/instances_val2014_100.json"
    compare "Metrics" "$here/metrics.py" --realdata "$data"
else
    echo "peers: no real samples in ${data:-a second argument}: data and metrics are skipped" >&2
fi
if [ "${3:-}" = --docs ]; then
    "$python" "$here/summary.py" "$tables" >"$cache/peers-summary.md"
    "$python" "$here/../insert.py" docs/speed.md speed "$tables"
    "$python" "$here/../insert.py" README.md speed "$cache/peers-summary.md"
fi
exit $status
