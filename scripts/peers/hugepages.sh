#!/usr/bin/env bash
# Times the training step under the ways to keep XLA's temporary memory from being
# faulted in again (docs/decisions/013-huge-pages.md), rounds alternating.
# Usage: hugepages.sh [ROUNDS] [bench flags, such as -size S -image 640]
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
shift || true
if [ "$(go env GOARCH)" = amd64 ]; then
    export GOEXPERIMENT=${GOEXPERIMENT:-simd} GODEBUG=${GODEBUG:-cpu.fma=off}
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go build -o "$folder/bench" ./cmd/bench
malloc=glibc.malloc
declare -A ways=(
    ["as it is"]=$malloc.hugetlb=0
    ["huge pages"]=$malloc.hugetlb=1
    ["freed memory kept"]=$malloc.hugetlb=0:$malloc.mmap_max=0:$malloc.trim_threshold=34359738368:$malloc.arena_max=1
    ["both"]=$malloc.hugetlb=1:$malloc.mmap_max=0:$malloc.trim_threshold=34359738368:$malloc.arena_max=1
)
echo "load average $(cut -d' ' -f1-3 /proc/loadavg)"
echo "| round | malloc | seconds a step, median (range) | peak MiB |"
echo "|---|---|---|---|"
for ((round = 1; round <= rounds; round++)); do
    for way in "as it is" "huge pages" "freed memory kept" "both"; do
        GLIBC_TUNABLES=${ways[$way]} "$folder/bench" -work step -backend xla:cpu -json "$folder/result.json" "$@" >/dev/null 2>&1
        python3 - "$folder/result.json" "$round" "$way" <<'PYTHON'
import json, sys
r = json.load(open(sys.argv[1]))["results"][0]
print(f"| {sys.argv[2]} | {sys.argv[3]} | {r['seconds_median']:.3f} ({r['seconds_min']:.3f}-{r['seconds_max']:.3f}) | {r['peak_rss_bytes'] >> 20} |")
PYTHON
    done
done
