"""Compares the segments that transformers finds in photographs with those of `predict`.

    python scripts/parity/processor.py REALDATA [--images 8] [--bin DIR]

A folder that this project writes (`weights init -format hf`, COCO's classes) gets sharper heads, so that a
random network finds segments. transformers loads it with its EomtImageProcessor, which reads
preprocessor_config.json, and segments COCO photographs of REALDATA; predict does the same. Compared are the
class names and the share of pixels with another class or none. Packages: requirements.txt.

Where rounding decides, in the scaled image or between two masks, a pixel may go to another segment: up to 2 in
1000 of an image.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, EomtForUniversalSegmentation
from transformers import logging

from table import Table, progress

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE = 0.002
CONFIG = """name: small
task: panoptic
model: {size: custom, image: [320, 320], queries: 10, width: 64, blocks: 4, heads: 2, mlp_hidden: 256, query_blocks: 1, patch: 16, registers: 4}
data: {format: coco, root: none}
train: {total_steps: 1}
eval: {overlap_threshold: 0.05}
"""


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr}")


def sharpen(folder):
    """Queries that look at different patches and are sure of their classes."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for name in tensors:
        if name.startswith("class_predictor") or name.startswith("mask_head.fc"):
            tensors[name] *= 12 if name.startswith("class_predictor") else 1.5
        if "layer_scale" in name:
            tensors[name].fill_(1)
    tensors["attn_mask_probs"].fill_(0)
    save_file(tensors, path, metadata={"format": "pt"})


@torch.no_grad()
def theirs(folder, paths):
    """Maps of class indices, -1 for none."""
    net = EomtForUniversalSegmentation.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    stuff = [i for i, c in enumerate(json.loads((folder / "config.json").read_text())["segmentation"]["classes"]) if not c["thing"]]
    maps = []
    for path in paths:
        image = Image.open(path).convert("RGB")
        found = processor.post_process_panoptic_segmentation(
            net(**processor(images=image, return_tensors="pt")), [image.size[::-1]], threshold=0.8, overlap_mask_area_threshold=0.05, stuff_classes=stuff)[0]
        labels = np.full(image.size[::-1], -1)
        for segment in found["segments_info"]:
            labels[found["segmentation"].numpy() == segment["id"]] = segment["label_id"]
        maps.append(labels)
    return net.config.id2label, maps


def ours(folder, out, names):
    """Maps of class indices in the order of the images, and the classes' names."""
    result = json.loads((out / "panoptic.json").read_text())
    classes = json.loads((folder / "config.json").read_text())["segmentation"]["classes"]
    index = {c["id"]: i for i, c in enumerate(classes)}
    maps = []
    for annotation in sorted(result["annotations"], key=lambda a: a["image_id"]):
        rgb = np.asarray(Image.open(out / "panoptic" / annotation["file_name"]).convert("RGB")).astype(int)
        ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
        labels = np.full(ids.shape, -1)
        for segment in annotation["segments_info"]:
            labels[ids == segment["id"]] = index[segment["category_id"]]
        maps.append(labels)
    categories = json.loads((out / "images.json").read_text())["categories"]
    if {index[c["id"]]: c["name"] for c in categories} != names:
        sys.exit("the class names of predict are not transformers' id2label")
    return maps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("realdata", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--bin", type=pathlib.Path, help="a folder with built cmd/weights and cmd/predict (default: go build)")
    arguments = parser.parse_args()
    paths = sorted((arguments.realdata / "coco_instance/val2017").glob("*.jpg"))[:arguments.images]
    if not paths:
        progress(f"no photographs in {arguments.realdata}/coco_instance/val2017: EomtImageProcessor is not compared")
        return
    logging.disable_progress_bar()
    table = Table()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        binaries = arguments.bin or scratch
        if not arguments.bin:
            subprocess.run(["go", "build", "-o", f"{scratch}/", "./cmd/weights", "./cmd/predict"], check=True, cwd=ROOT,
                           env={"GOEXPERIMENT": "simd", **os.environ})
        config, folder, out = scratch / "config.yaml", scratch / "hf", scratch / "out"
        config.write_text(CONFIG)
        run(binaries / "weights", "init", "-config", config, "-seed", 5, "-out", folder, "-format", "hf")
        sharpen(folder)
        progress(f"{len(paths)} photographs through EomtImageProcessor and predict")
        names, want = theirs(folder, paths)
        run(binaries / "predict", "-weights", folder, "-out", out, "-backend", "go", *paths)
        got = ours(folder, out, names)
        found = sum((labels >= 0).mean() for labels in want) / len(want)
        if found < 0.2 or sum(len(np.unique(labels)) for labels in want) < 3 * len(want):
            sys.exit(f"{found:.0%} of the pixels have a segment: too few to compare anything")
        worst = max(float((a != b).mean()) for a, b in zip(want, got, strict=True))
    table.add("segments in photographs, share of pixels that differ", "transformers' EomtImageProcessor", worst, worst, TOLERANCE, on="go", kind="absolute")
    sys.exit(table.finish())


main()
