#!/usr/bin/env bash
# Opens a report in Chromium as people do, on a desktop and on a phone, light and
# dark, without a network, and fails on what they would stumble over.
# Usage: check.sh REPORT.html OUTDIR [ARGUMENTS OF check.py ...]
# Screenshots are written to OUTDIR. Chromium is the one of $CHROMIUM, else of
# the PATH. The virtual environment that drives it is made in the cache folder
# on the first run; PYTHON names another interpreter that has the packages.
# Exit status: 1 where the report is not good, 3 where Chromium or Playwright is
# absent.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: check.sh REPORT.html OUTDIR [--picture FILE.png]" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
cache=${EOMT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eomt}
chromium=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome; do
    chromium=${chromium:-$(command -v "$name" || true)}
done
if [ -z "$chromium" ]; then
    echo "browser: no Chromium on the PATH; on Debian: apt-get install chromium" >&2
    exit 3
fi
python=${PYTHON:-}
if [ -z "$python" ]; then
    environment=$cache/browser
    python=$environment/bin/python
    if ! cmp -s "$here/requirements.txt" "$environment/requirements.txt"; then
        echo "browser: installing Playwright to $environment" >&2
        python3 -m venv "$environment"
        "$python" -m pip install --quiet --retries 1 --disable-pip-version-check -r "$here/requirements.txt" >&2 || {
            echo "browser: the packages of scripts/browser/requirements.txt could not be installed (see above)" >&2
            exit 3
        }
        cp "$here/requirements.txt" "$environment/requirements.txt"
    fi
fi
exec "$python" "$here/check.py" --chromium "$chromium" "$@"
