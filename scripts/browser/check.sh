#!/usr/bin/env bash
# Opens a report in Chromium as on a desktop and on a phone, light and dark, offline,
# and fails on defects that readers would notice.
# Usage: check.sh REPORT.html OUTDIR [ARGUMENTS OF check.py ...]
# Screenshots are written to OUTDIR. Chromium and the virtual environment are those of
# chromium.sh.
# Exit status: 1 if the report has defects, 3 if Chromium or Playwright is missing.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: check.sh REPORT.html OUTDIR [--picture FILE.png]" >&2
    exit 2
fi
. "$(dirname "$0")/chromium.sh"
exec "$python" "$here/check.py" --chromium "$chromium" "$@"
