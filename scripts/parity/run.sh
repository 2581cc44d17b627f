#!/usr/bin/env bash
# Runs every comparison with a reference implementation that this folder has, in
# a virtual environment of pinned packages, and prints their tables.
# Usage: run.sh CACHE [ARGUMENTS OF model.py ...]
# The environment is made in CACHE/parity on the first run; PYTHON names another
# interpreter that has the packages already.
set -euo pipefail
cache=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
python=${PYTHON:-}
if [ -z "$python" ]; then
    environment=$cache/parity
    python=$environment/bin/python
    if ! cmp -s "$here/requirements.txt" "$environment/requirements.txt"; then
        echo "parity: installing the reference implementations to $environment" >&2
        python3 -m venv "$environment"
        "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2 || {
            echo "parity: the packages of scripts/parity/requirements.txt could not be installed (see above)" >&2
            exit 1
        }
        cp "$here/requirements.txt" "$environment/requirements.txt"
    fi
fi
export EOMT_CACHE=$cache
backends=go
if [ -e "$cache/pjrt/pjrt_c_api_cpu_plugin.so" ]; then
    backends=go,xla:cpu
else
    echo "parity: no PJRT plugin in $cache/pjrt, so not on xla:cpu (\`make setup\` fetches one)" >&2
fi
status=0
"$python" "$here/model.py" --backends "$backends" "$@" || status=1
echo
"$python" "$here/metrics.py" || status=1
exit $status
