#!/usr/bin/env bash
# Runs every speed comparison with a reference implementation that this folder
# has, in a virtual environment of pinned packages, and prints their tables, which
# are left in CACHE/peers.md as well.
# Usage: run.sh CACHE [REALDATA] [--readme]
# The environment is made in CACHE/peers on the first run; PYTHON names another
# interpreter that has the packages already. REALDATA is a folder of real samples
# (coco_instance, coco_panoptic, oracle_ap); without it the comparisons that read
# them are left out. --readme puts the tables into README.md.
set -euo pipefail
cache=$1
data=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
[ -z "$data" ] || data=$(realpath -m "$data")
cd "$here/../.."
python=${PYTHON:-}
if [ -z "$python" ]; then
    environment=$cache/peers
    python=$environment/bin/python
    if ! cmp -s "$here/requirements.txt" "$environment/requirements.txt"; then
        echo "peers: installing the reference implementations to $environment" >&2
        python3 -m venv "$environment"
        "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2 || {
            echo "peers: the packages of scripts/peers/requirements.txt could not be installed (see above)" >&2
            exit 1
        }
        cp "$here/requirements.txt" "$environment/requirements.txt"
    fi
fi
export EOMT_CACHE=$cache
# As the Makefile has it: matrix products by vector instructions, and math.Exp as fast as without them.
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
    echo "peers: no real samples in ${data:-a second argument}: data and metrics are left out" >&2
fi
[ "${3:-}" != --readme ] || "$python" "$here/../readme.py" speed "$tables"
exit $status
