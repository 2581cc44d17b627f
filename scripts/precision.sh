#!/usr/bin/env bash
# Trains the quickstart model with several seeds in f32 and in bf16 (train.precision and
# eval.precision), evaluates each, and prints PQ of both with its spread over seeds.
# Usage: precision.sh [SEED...]   (1 2 3)
# Runs are kept in runs/precision; one that has its evaluation is not repeated.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=("$@")
[ $# -gt 0 ] || seeds=(1 2 3)
dir=runs/precision
mkdir -p "$dir"
go build -o "$dir/train" ./cmd/train
for seed in "${seeds[@]}"; do
    for precision in f32 bf16; do
        out=$dir/$precision-$seed
        if ! compgen -G "$out/eval/step-*.json" >/dev/null; then
            rm -rf "$out"
            "$dir/train" -config configs/quickstart.yaml -out "$out" -set seed="$seed" \
                -set train.precision=$precision -set eval.precision=$precision >&2
        fi
    done
done
printf '| precision | PQ of seeds %s | mean | standard deviation |\n|---|---|---|---|\n' "${seeds[*]}"
for precision in f32 bf16; do
    for seed in "${seeds[@]}"; do
        # The first PQ of the file is that of all classes.
        file=$(printf '%s\n' "$dir/$precision-$seed"/eval/step-*.json | sort | tail -1)
        grep -m1 '"pq":' "$file" | tr -d ' ,"' | cut -d: -f2
    done | awk -v name=$precision '
        { x[NR] = 100 * $1; sum += x[NR]; list = list sprintf(" %.2f", x[NR]) }
        END {
            mean = sum / NR
            for (i in x) squares += (x[i] - mean) ^ 2
            printf "| %s |%s | %.2f | %.2f |\n", name, list, mean, (NR > 1 ? sqrt(squares / (NR - 1)) : 0)
        }'
done
