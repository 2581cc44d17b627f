#!/usr/bin/env bash
# Opens a report in Chromium as on a desktop and on a phone, light and dark, offline,
# and fails on defects that readers would notice.
# Usage: check.sh REPORT.html OUTDIR [ARGUMENTS OF check.py ...]
# Screenshots are written to OUTDIR. Chromium is taken from $CHROMIUM, otherwise from
# the PATH. The virtual environment that drives it is created in the cache folder on
# the first run; PYTHON names another interpreter that has the packages.
# Exit status: 1 if the report has defects, 3 if Chromium or Playwright is missing.
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
python=$("$here/../environment.sh" "$cache" browser "$here/requirements.txt") || exit 3
exec "$python" "$here/check.py" --chromium "$chromium" "$@"
