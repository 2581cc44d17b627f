"""Compares the training pipeline (file to decoded image, masks, transforms at
640 px) with the reference's: Pillow, pycocotools and torchvision's v2 functions
as tue-mps/eomt at 7bd19dd calls them, one thread each, the same images and the
same random draws, rounds alternating in one run.

    python scripts/peers/loader.py COCO_ROOT [--rounds 7] [--jitter]

COCO_ROOT holds train2017/ and annotations/instances_train2017.json. Needs torch,
torchvision, Pillow, pycocotools and Go. Prints milliseconds per image (median of
the rounds, with range) and the ratios.
"""

import argparse
import io
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SIZE = 640


def draw(rng, w, h, jitter):
    """The reference's draws for an image of w x h, in its order."""
    import numpy as np

    d = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0, "contrast_last": False}
    around = lambda centre, delta: float(np.float32(rng.uniform(centre - delta, centre + delta)))
    if jitter:
        d["contrast_last"] = rng.random() < 0.5
        for name, centre, delta in (("brightness", 1, 32 / 255), ("contrast", 1, 0.5), ("saturation", 1, 0.5), ("hue", 0, 18 / 360)):
            if rng.random() < 0.5:
                d[name] = around(centre, delta)
    d["flip"] = rng.random() < 0.5
    d["scale"] = float(np.float32(0.1) + np.float32(rng.random()) * np.float32(1.9))
    r = np.float32(min(SIZE / h, SIZE / w)) * np.float32(d["scale"])
    d["w"], d["h"] = int(np.float32(w) * r), int(np.float32(h) * r)
    d["top"] = rng.randint(0, max(0, d["h"] - SIZE))
    d["left"] = rng.randint(0, max(0, d["w"] - SIZE))
    return d


class Reference:
    """The reference's pipeline with given draws."""

    def __init__(self, root):
        import torch

        torch.set_num_threads(1)
        document = json.loads((root / "annotations/instances_train2017.json").read_text())
        self.annotations = {}
        for a in document["annotations"]:
            self.annotations.setdefault(a["image_id"], []).append(a)
        self.images = [i for i in document["images"] if i["id"] in self.annotations]
        self.root = root

    def load(self, image):
        import torch
        from PIL import Image
        from pycocotools import mask as coco
        from torchvision import tv_tensors

        raw = (self.root / "train2017" / image["file_name"]).read_bytes()
        img = tv_tensors.Image(Image.open(io.BytesIO(raw)).convert("RGB"))
        masks, crowd = [], []
        for a in self.annotations[image["id"]]:
            rles = coco.frPyObjects(a["segmentation"], img.shape[-2], img.shape[-1])
            rle = coco.merge(rles) if isinstance(rles, list) else rles
            masks.append(tv_tensors.Mask(coco.decode(rle), dtype=torch.bool))
            crowd.append(bool(a["iscrowd"]))
        return img, tv_tensors.Mask(torch.stack(masks)), torch.tensor(crowd)

    def transform(self, img, masks, crowd, d):
        from torchvision import tv_tensors
        from torchvision.transforms.v2 import functional as F

        masks = tv_tensors.wrap(masks[~crowd], like=masks)
        contrast = [("contrast", F.adjust_contrast)]
        rest = [("saturation", F.adjust_saturation), ("hue", F.adjust_hue)]
        steps = rest + contrast if d["contrast_last"] else contrast + rest
        for name, adjust in [("brightness", F.adjust_brightness)] + steps:
            if d[name] != (0 if name == "hue" else 1):
                img = adjust(img, d[name])
        if d["flip"]:
            img, masks = F.horizontal_flip(img), F.horizontal_flip(masks)
        size = [d["h"], d["w"]]
        img, masks = F.resize(img, size, antialias=True), F.resize(masks, size)
        padding = [0, 0, max(0, SIZE - d["w"]), max(0, SIZE - d["h"])]
        img, masks = F.pad(img, padding), F.pad(masks, padding)
        if max(d["w"], d["h"]) > SIZE:
            crop = (d["top"], d["left"], SIZE, SIZE)
            img, masks = F.crop(img, *crop), F.crop(masks, *crop)
        valid = masks.flatten(1).any(1)
        return img, tv_tensors.wrap(masks[valid], like=masks)


def jobs_of(reference, jitter, repeats):
    """The work: every image with draws that leave a target, as most do."""
    import random

    rng, jobs = random.Random(1), []
    for image in reference.images:
        loaded = reference.load(image)
        if loaded[2].all():
            continue
        for _ in range(repeats):
            while True:
                d = draw(rng, image["width"], image["height"], jitter)
                out, masks = reference.transform(*loaded, d)
                if len(masks):
                    break
            jobs.append({"image": image["id"], "targets": len(masks), "sum": int(out.long().sum()), "area": int(masks.sum()), **d})
    return jobs


def reference_round(reference, jobs):
    by_id = {i["id"]: i for i in reference.images}
    load = transform = 0.0
    for job in jobs:
        t0 = time.perf_counter()
        loaded = reference.load(by_id[job["image"]])
        t1 = time.perf_counter()
        reference.transform(*loaded, job)
        t2 = time.perf_counter()
        load, transform = load + t1 - t0, transform + t2 - t1
    return {"load": load / len(jobs) * 1e3, "transform": transform / len(jobs) * 1e3}


def build(folder, tags):
    binary = folder / ("loader-" + (tags or "default"))
    command = ["go", "build", "-o", str(binary)] + (["-tags", tags] if tags else []) + ["./scripts/peers/loader"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        print(f"left out ({' '.join(command)}): {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return binary


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=2, help="draws per image")
    parser.add_argument("--jitter", action="store_true", help="with the colour jitter of ADE20K and Cityscapes")
    args = parser.parse_args()

    import PIL
    import torch
    import torchvision

    reference = Reference(args.root)
    jobs = jobs_of(reference, args.jitter, args.repeats)
    print(f"torch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()}), torchvision {torchvision.__version__}, Pillow {PIL.__version__}; "
          f"{len(jobs)} draws on {len(reference.images)} images, {args.rounds} rounds, colour jitter {'on' if args.jitter else 'off'}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "jobs.json").write_text(json.dumps(jobs))
        runs = {"reference": lambda: reference_round(reference, jobs)}
        for name, tags in (("eomt", ""), ("eomt, turbo", "turbo")):
            binary = build(folder, tags)
            if binary:
                command = [str(binary), "-root", str(args.root), "-jobs", str(folder / "jobs.json")]
                runs[name] = lambda command=command: json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, "GOMAXPROCS": "1"}).stdout)
        times = {name: [] for name in runs}
        for _ in range(args.rounds):
            for name, run in runs.items():
                times[name].append(run())

    print("\n| ms per image, one core | load | transform | all, median (range) | speed |\n|---|---|---|---|---|")
    base = None
    for name, rounds in times.items():
        total = [r["load"] + r["transform"] for r in rounds]
        median = statistics.median(total)
        base = base or median
        print(f"| {name} | {statistics.median(r['load'] for r in rounds):.2f} | {statistics.median(r['transform'] for r in rounds):.2f} | "
              f"{median:.2f} ({min(total):.2f}-{max(total):.2f}) | {base / median:.2f} |")


if __name__ == "__main__":
    main()
