"""Compares `weights forward` with transformers on fresh random weights.

    python scripts/parity/model.py [--seeds 3] [--sizes S,B,"S DINOv3"] [--backends go,xla:cpu] [--weights BINARY]

Models at 640 px with 200 queries and 133 classes get random weights, are saved by save_pretrained and
read by this project from that folder. Compared are the final prediction without masks, and all
predictions with every mask on; B, which takes the Go backend minutes, is run on the other backends if
there are any. Fails beyond a tolerance. Packages: requirements.txt.

Tolerances are in standard deviations of the reference's tensor: 1e-3 for mask logits and 1e-4 for class
logits, float32 on both sides; the sign of every mask logit further from 0 than the difference must be
equal. With masks on, a logit that rounding puts on the other side of 0 lets a query see one patch more or
less, a step that no precision removes: there the same bounds hold for all but 1 in 100 queries.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import EomtConfig, EomtDinov3Config, EomtDinov3ForUniversalSegmentation, EomtForUniversalSegmentation
from transformers import logging

from table import Table, progress

SIZES = {
    "S": dict(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, num_blocks=3),
    "B": dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, num_blocks=3),
    "S DINOv3": dict(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, num_blocks=3, intermediate_size=1536),
}
MASK_TOLERANCE, CLASS_TOLERANCE = 1e-3, 1e-4
FLIPPED = 0.01  # share of queries that a flipped mask bit may move


def build(size, seed):
    torch.manual_seed(seed)
    common = dict(image_size=640, num_queries=200, num_labels=133, **SIZES[size])
    if "DINOv3" in size:
        net = EomtDinov3ForUniversalSegmentation(EomtDinov3Config(layer_norm_eps=1e-5, **common))
    else:
        net = EomtForUniversalSegmentation(EomtConfig(**common))
    # Parameters that start constant must vary, otherwise mix-ups would go unnoticed.
    for name, p in net.named_parameters():
        if p.dim() == 1 or "token" in name or "position" in name:
            p.data += 0.2 * torch.randn_like(p)
    return net.eval()


@torch.no_grad()
def reference(net, pixels, masked):
    net.attn_mask_probs.fill_(float(masked))
    predictions, predict = [], net.predict

    def recorded(x):
        predictions.append(predict(x))
        return predictions[-1]

    net.predict = recorded
    tokens = net(pixels).last_hidden_state
    net.predict = predict
    return predictions, tokens


def add(table, component, backend, want, got, tolerance, share=0.0, signs=False):
    """The largest difference over all but a share of the queries; optionally also compares their signs."""
    difference = (want - got).abs()
    per_query = difference.flatten(2).amax(2).flatten() if share else difference.flatten()
    largest = per_query.sort().values[int(len(per_query) * (1 - share)) - 1].item()
    clear = want.abs() > largest
    table.add(component, "transformers", largest, largest / want.std().item(), tolerance, on=backend,
              unit="standard deviations", ok=not signs or bool(((want > 0) == (got > 0))[clear].all()))


def run(binary, folder, backend, pixels, masked, blocks):
    source, target = f"{folder}/in.safetensors", f"{folder}/out.safetensors"
    save_file({"pixel_values": pixels, "mask_probs": torch.full((blocks,), float(masked))}, source)
    done = subprocess.run([binary, "forward", "-backend", backend, "-weights", f"{folder}/model", "-input", source,
                           "-output", target], stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return load_file(target)


def compare(table, binary, size, seed, backends):
    net = build(size, seed)
    pixels = torch.randn(1, 3, 640, 640)
    blocks = SIZES[size]["num_blocks"]
    component = f"EoMT-{size} at 640 px, "
    with tempfile.TemporaryDirectory() as folder:
        net.save_pretrained(f"{folder}/model")
        for masked in (False, True):
            want, tokens = reference(net, pixels, masked)
            for backend in backends:
                got = run(binary, folder, backend, pixels, masked, blocks)
                if not masked:
                    masks, classes = want[0]
                    add(table, component + "final mask logits", backend, masks, got[f"mask_logits.{blocks}"], MASK_TOLERANCE, signs=True)
                    add(table, component + "final class logits", backend, classes, got[f"class_logits.{blocks}"], CLASS_TOLERANCE)
                    add(table, component + "tokens", backend, tokens, got["tokens"], CLASS_TOLERANCE)
                    continue
                for k, (masks, classes) in enumerate(want):
                    add(table, component + "all mask logits, masked", backend, masks, got[f"mask_logits.{k}"], MASK_TOLERANCE, FLIPPED)
                    add(table, component + "all class logits, masked", backend, classes, got[f"class_logits.{k}"], CLASS_TOLERANCE, FLIPPED)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--backends", default="go,xla:cpu")
    parser.add_argument("--weights", help="a built cmd/weights (default: go build)")
    args = parser.parse_args()
    logging.disable_progress_bar()
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        binary = args.weights
        if binary is None:
            binary = f"{folder}/weights"
            root = pathlib.Path(__file__).resolve().parents[2]
            subprocess.run(["go", "build", "-o", binary, "./cmd/weights"], check=True, cwd=root,
                           env={"GOEXPERIMENT": "simd", **os.environ})
        for size in args.sizes.split(","):
            backends = args.backends.split(",")
            if size == "B" and len(backends) > 1:
                backends.remove("go")
            for seed in range(1, args.seeds + 1):
                progress(f"EoMT-{size} at 640 px on {', '.join(backends)}: seed {seed} of {args.seeds}")
                compare(table, binary, size, seed, backends)
    sys.exit(table.finish())


main()
