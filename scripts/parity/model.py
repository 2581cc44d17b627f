"""Holds `weights forward` against transformers on fresh random weights, live.

    python scripts/parity/model.py [--seeds 3] [--sizes S,B] [--backends go,xla:cpu] [--weights BINARY]

Models at 640 px with 200 queries and 133 classes get random weights, are saved by save_pretrained and
read by this project from that folder. Compared are the final prediction without masks, and all
predictions with every mask on. Fails beyond a tolerance. Packages: requirements.txt.

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
    # What starts as a constant must differ from it, or a mix-up would not show.
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


class Row:
    """The worst of one comparison over seeds."""

    def __init__(self, tolerance):
        self.tolerance, self.absolute, self.relative, self.failed = tolerance, 0.0, 0.0, False

    def add(self, want, got, share=0.0, signs=False):
        difference = (want - got).abs()
        per_query = difference.flatten(2).amax(2).flatten() if share else difference.flatten()
        largest = per_query.sort().values[int(len(per_query) * (1 - share)) - 1].item()
        relative = largest / want.std().item()
        self.absolute, self.relative = max(self.absolute, largest), max(self.relative, relative)
        ok = relative <= self.tolerance
        if signs:
            clear = want.abs() > largest
            ok = ok and bool(((want > 0) == (got > 0))[clear].all())
        self.failed |= not ok  # a NaN fails too

    def print(self, component, against):
        verdict = "FAIL" if self.failed else "ok"
        print(f"| {component} | {against} | {self.absolute:.2g} | {self.relative:.2g} | {self.tolerance:g} | {verdict} |",
              flush=True)


def run(binary, folder, backend, pixels, masked, blocks):
    source, target = f"{folder}/in.safetensors", f"{folder}/out.safetensors"
    save_file({"pixel_values": pixels, "mask_probs": torch.full((blocks,), float(masked))}, source)
    done = subprocess.run([binary, "forward", "-backend", backend, "-weights", f"{folder}/model", "-input", source,
                           "-output", target], stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return load_file(target)


def compare(binary, size, seeds, backends):
    rows = {}

    def row(backend, what, tolerance):
        return rows.setdefault((backend, what), Row(tolerance))

    for seed in seeds:
        net = build(size, seed)
        pixels = torch.randn(1, 3, 640, 640)
        blocks = SIZES[size]["num_blocks"]
        with tempfile.TemporaryDirectory() as folder:
            net.save_pretrained(f"{folder}/model")
            for masked in (False, True):
                want, tokens = reference(net, pixels, masked)
                for backend in backends:
                    got = run(binary, folder, backend, pixels, masked, blocks)
                    if not masked:
                        masks, classes = want[0]
                        row(backend, "final mask logits", MASK_TOLERANCE).add(masks, got[f"mask_logits.{blocks}"], signs=True)
                        row(backend, "final class logits", CLASS_TOLERANCE).add(classes, got[f"class_logits.{blocks}"])
                        row(backend, "tokens", CLASS_TOLERANCE).add(tokens, got["tokens"])
                        continue
                    for k, (masks, classes) in enumerate(want):
                        row(backend, "all mask logits, masked", MASK_TOLERANCE).add(masks, got[f"mask_logits.{k}"], FLIPPED)
                        row(backend, "all class logits, masked", CLASS_TOLERANCE).add(classes, got[f"class_logits.{k}"], FLIPPED)
        print(f"{size}, seed {seed}: done", file=sys.stderr)
    for (backend, what), r in rows.items():
        r.print(f"{size} at 640 px: {what}, {backend}", f"transformers, {len(seeds)} seeds")
    return any(r.failed for r in rows.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--backends", default="go,xla:cpu")
    parser.add_argument("--weights", help="a built cmd/weights (default: go build)")
    args = parser.parse_args()
    print("| component | checked against | largest difference | in standard deviations | tolerance | |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        binary = args.weights
        if binary is None:
            binary = f"{folder}/weights"
            root = pathlib.Path(__file__).resolve().parents[2]
            subprocess.run(["go", "build", "-o", binary, "./cmd/weights"], check=True, cwd=root,
                           env={"GOEXPERIMENT": "simd", **os.environ})
        failed = [compare(binary, size, range(1, args.seeds + 1), args.backends.split(",")) for size in args.sizes.split(",")]
    sys.exit(any(failed))


main()
