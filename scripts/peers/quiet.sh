#!/usr/bin/env bash
# Refuses to measure on a machine that is busy: exit code 1 and one line where the
# load average of the last minute is above a quarter of the processors.
# Usage: quiet.sh [LOADAVG]     LOADED=yes measures all the same, with the line as a warning
set -euo pipefail
file=${1:-/proc/loadavg}
[ -r "$file" ] || exit 0 # a system that does not say
load=$(cut -d' ' -f1 "$file")
processors=$(getconf _NPROCESSORS_ONLN)
awk -v load="$load" -v n="$processors" 'BEGIN { exit !(load > n / 4) }' || exit 0
if [ "${LOADED:-}" = yes ]; then
    echo "WARNING: the load average is $load on $processors processors: other programs are timed too (LOADED=yes)" >&2
    exit 0
fi
echo "the load average is $load on $processors processors: other programs would be timed too. Wait until they end, or measure all the same with LOADED=yes" >&2
exit 1
