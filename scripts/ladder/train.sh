#!/usr/bin/env bash
# Trains the networks of the paper's Table 1 in small on generated shapes, each with every seed, and writes the report
# that compares them.
# Usage: train.sh OUT SEEDS STEPS
# OUT/NETWORK-seed-N are the runs; those that are complete are kept.
set -euo pipefail
out=$1 seeds=$2 steps=$3
cd "$(dirname "$0")/../.."
decoder=(model.query_blocks=0 model.decoder_width=64 model.decoder_heads=4 model.decoder_layers=6 model.decoder_hidden=256)
pixel=(model.encoder_layers=3 model.encoder_hidden=128)
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
go build -o "$binary" ./cmd/train
runs=()
for seed in $(seq 1 "$seeds"); do
    for network in eomt eomt_masked vit_decoder_single_scale vit_decoder vit_mask2former vit_adapter_mask2former; do
        sizes=()
        case $network in
        vit_decoder*) sizes=("${decoder[@]}") ;;
        *mask2former) sizes=("${decoder[@]}" "${pixel[@]}") ;;
        esac
        run=$out/$network-seed-$seed
        runs+=("$run")
        flags=()
        for set in "model.network=$network" "name=$network-seed-$seed" "seed=$seed" "train.total_steps=$steps" "${sizes[@]}"; do
            flags+=(-set "$set")
        done
        "$binary" -config configs/ladder.yaml -out "$run" -resume auto "${flags[@]}"
    done
done
go run ./cmd/report "${runs[@]}" -out "$out/report"
echo "report: $out/report/report.html"
