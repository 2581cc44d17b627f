"""Compares the segments that transformers finds in photographs with those of `predict`.

    python scripts/parity/processor.py REALDATA [--images 8] [--bin DIR]

For each task, a folder that this project writes (`weights init -format hf`, COCO's or ADE20K's classes) gets
sharper heads, so that a random network finds segments. transformers loads it with its EomtImageProcessor, which
reads preprocessor_config.json, and segments COCO photographs of REALDATA; predict does the same. Compared are the
class names and the share of pixels with another class or none; of instances, painted in transformers' order, also
their number and scores. Packages: requirements.txt.

For semantic segmentation transformers truncates the longer side of the resized image, where the reference
implementation, and so predict, rounds: photographs for which that differs are left out, since their windows lie
elsewhere.

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
from pycocotools import mask as mask_utils
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, EomtForUniversalSegmentation
from transformers import logging

from table import Table, progress

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE = 0.002
LEAST = 0.5  # score of instances that are compared
TASKS = {"panoptic": "coco", "instance": "coco", "semantic": "ade20k"}
CONFIG = """name: small
task: {task}
model: {{size: custom, image: [320, 320], queries: 10, width: 64, blocks: 4, heads: 2, mlp_hidden: 256, query_blocks: 1, patch: 16, registers: 4}}
data: {{format: {format}, root: none}}
train: {{total_steps: 1}}
eval: {{overlap_threshold: 0.05}}
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


def classes_of(folder):
    return json.loads((folder / "config.json").read_text())["segmentation"]["classes"]


@torch.no_grad()
def theirs(folder, paths, task):
    """Class names, maps of class indices, -1 for none, and the labels and scores of each image's segments."""
    net = EomtForUniversalSegmentation.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    stuff = [i for i, c in enumerate(classes_of(folder)) if not c["thing"]]
    maps, lists = [], []
    for path in paths:
        image = Image.open(path).convert("RGB")
        size, outputs = [image.size[::-1]], net(**processor(images=image, return_tensors="pt"))
        if task == "semantic":
            maps.append(processor.post_process_semantic_segmentation(outputs, size)[0].numpy())
            lists.append([])
            continue
        if task == "panoptic":
            found = processor.post_process_panoptic_segmentation(outputs, size, threshold=0.8, overlap_mask_area_threshold=0.05, stuff_classes=stuff)[0]
        else:
            found = processor.post_process_instance_segmentation(outputs, size, threshold=LEAST)[0]
        labels = np.full(image.size[::-1], -1)
        for segment in found["segments_info"]:
            labels[found["segmentation"].numpy() == segment["id"]] = segment["label_id"]
        maps.append(labels)
        lists.append([(segment["label_id"], segment["score"]) for segment in found["segments_info"]])
    return net.config.id2label, maps, lists


def ours(folder, out, names, task, lists):
    """Maps of class indices in the order of the images."""
    classes = classes_of(folder)
    index = {c["id"]: i for i, c in enumerate(classes)}
    images = json.loads((out / "images.json").read_text())
    if {index[c["id"]]: c["name"] for c in images["categories"]} != names:
        sys.exit("the class names of predict are not transformers' id2label")
    if task == "panoptic":
        return list(panoptic(out, index))
    if task == "instance":
        return list(instances(out, index, images["images"], lists))
    table = np.full(65536, -1)
    for id, i in index.items():
        table[id] = i
    return [table[np.asarray(Image.open(out / "labels" / (pathlib.Path(image["file_name"]).stem + ".png")))] for image in images["images"]]


def panoptic(out, index):
    for annotation in sorted(json.loads((out / "panoptic.json").read_text())["annotations"], key=lambda a: a["image_id"]):
        rgb = np.asarray(Image.open(out / "panoptic" / annotation["file_name"]).convert("RGB")).astype(int)
        ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
        labels = np.full(ids.shape, -1)
        for segment in annotation["segments_info"]:
            labels[ids == segment["id"]] = index[segment["category_id"]]
        yield labels


def instances(out, index, images, lists):
    """Paints the instances in transformers' order, which is that of the queries."""
    found = json.loads((out / "instances.json").read_text())
    for image, want in zip(images, lists, strict=True):
        left = [one for one in found if one["image_id"] == image["id"] and one["score"] >= LEAST]
        labels = np.full((image["height"], image["width"]), -1)
        if len(left) != len(want):
            sys.exit(f"{image['file_name']}: transformers finds {len(want)} instances, predict {len(left)}")
        for label, score in want:
            same = [one for one in left if index[one["category_id"]] == label]
            nearest = min(same, key=lambda one: abs(one["score"] - score), default=None)
            if nearest is None or abs(nearest["score"] - score) > TOLERANCE:
                sys.exit(f"{image['file_name']}: predict has no instance of class {label} with score {score}")
            left.remove(nearest)
            labels[mask_utils.decode(nearest["segmentation"]) > 0] = label
        yield labels


def alike(path, side=320):
    """Whether transformers and the reference implementation resize a photograph for windows to the same size."""
    short, long = sorted(Image.open(path).size)
    return int(side * long / short) == round(side * long / short)


def compare(task, binaries, scratch, paths, table):
    scratch = scratch / task
    scratch.mkdir()
    config, folder, out = scratch / "config.yaml", scratch / "hf", scratch / "out"
    config.write_text(CONFIG.format(task=task, format=TASKS[task]))
    run(binaries / "weights", "init", "-config", config, "-seed", 5, "-out", folder, "-format", "hf")
    sharpen(folder)
    progress(f"{task}: {len(paths)} photographs through EomtImageProcessor and predict")
    names, want, lists = theirs(folder, paths, task)
    run(binaries / "predict", "-weights", folder, "-out", out, "-backend", "go", *paths)
    got = ours(folder, out, names, task, lists)
    found = sum((labels >= 0).mean() for labels in want) / len(want)
    kinds = sum(len(np.unique(labels)) for labels in want) / len(want)
    progress(f"{task}: {found:.0%} of the pixels have a segment, {kinds:.1f} classes in an image")
    if found < 0.2 or kinds < 3:
        sys.exit(f"{task}: {found:.0%} of the pixels have a segment, {kinds:.1f} classes in an image: too few to compare anything")
    worst = max(float((a != b).mean()) for a, b in zip(want, got, strict=True))
    table.add(f"{task} segments in photographs, share of pixels that differ", "transformers' EomtImageProcessor", worst, worst, TOLERANCE, on="go", kind="absolute")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("realdata", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--bin", type=pathlib.Path, help="a folder with built cmd/weights and cmd/predict (default: go build)")
    arguments = parser.parse_args()
    paths = sorted((arguments.realdata / "coco_instance/val2017").glob("*.jpg"))
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
        for task in TASKS:
            chosen = [path for path in paths if task != "semantic" or alike(path)][:arguments.images]
            compare(task, binaries, scratch, chosen, table)
    sys.exit(table.finish())


main()
