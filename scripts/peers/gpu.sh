#!/usr/bin/env bash
# Times inference and the training step on one NVIDIA GPU: S, B, L and g, at 640 and
# 1280 px, batch 1 and 16, in float32 (TF32 products) and bf16; beside PyTorch (SDPA,
# eager attention, torch.compile) where the python on PATH, or PYTHON, has torch and
# transformers. What does not fit has a row that says so. It needs no network
# but for the plugin, once.
# Usage: gpu.sh CACHE      SIZES, IMAGES, BATCHES and ROUNDS choose less
set -euo pipefail
cache=$1
cd "$(dirname "$0")/../.."
if ! compgen -G '/dev/nvidia[0-9]*' >/dev/null && ! compgen -G /dev/dxg >/dev/null; then
    echo "bench-gpu: no NVIDIA GPU is visible: nothing to measure"
    exit 0
fi
export EOMT_CACHE=$cache
scripts/setup.sh "${PJRT_CUDA:-cuda13}" "$cache"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go build -o "$folder/bench" ./cmd/bench
if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
fi
echo "The paper's 128 images/s are EoMT-L at 640 px on an H100 with torch.compile in 16-bit precision: another card's, unless this is one."
for size in ${SIZES:-S B L g}; do
    for image in ${IMAGES:-640 1280}; do
        for batch in ${BATCHES:-1 16}; do
            echo
            "${PYTHON:-python3}" scripts/peers/step.py --gpu --backend xla:cuda --bench "$folder/bench" --size "$size" --image "$image" \
                --batch "$batch" --rounds "${ROUNDS:-5}"
        done
    done
done
