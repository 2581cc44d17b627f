"""Compares cmd/score with the official evaluation code on random data sets.

    python scripts/parity/metrics.py [--panopticapi CHECKOUT] [--eomt CHECKOUT] [--sets 5] [--seed 1]

Reports the largest difference of each comparison and fails beyond its tolerance:
1e-9, or 1e-6 where the reference has single precision. Needs pycocotools, torch,
torchmetrics, cityscapesscripts, faster-coco-eval and opencv-python-headless;
panopticapi and the reference implementation only if their paths are given.
"""

import argparse
import glob
import os
import subprocess
import sys
import tempfile

import numpy as np

import randomsets
import references
from table import Table, progress

DOUBLE = 1e-9
SINGLE = 1e-6  # torchmetrics returns float32


def differences(want, got, at=""):
    """Yields path, distance and size of each number of want."""
    if isinstance(want, dict):
        for k in want:
            yield from differences(want[k], got[k], f"{at}.{k}")
    elif isinstance(want, list):
        by_id = {g["id"]: g for g in got}
        for w in want:
            yield from differences(w, by_id[w["id"]], f"{at}[{w['id']}]")
    else:
        yield at, abs(want - got), abs(want)


class Parity:
    def __init__(self, command, rng):
        self.command, self.rng, self.table = command, rng, Table()

    def score(self, *args):
        out = os.path.join(self.folder, "out.json")
        subprocess.run([*self.command, *args, "-json", out], check=True, stdout=subprocess.DEVNULL)
        return references.read(out)

    def compare(self, name, want, got, tolerance):
        at, distance, _ = max(differences(want, got), key=lambda d: d[1])
        relative = max(distance / size for _, distance, size in differences(want, got) if size > 0)
        metric, reference = name.split(", ", 1)
        self.table.add(metric, reference, distance, relative, tolerance, kind="absolute")
        if not distance <= tolerance:
            progress(f"{name}: {at} differs by {distance}")

    def panoptic(self, args, **kind):
        randomsets.panoptic_set(self.rng, self.folder, **kind)
        f = self.folder
        got = self.score("panoptic", "-gt", f"{f}/gt.json", "-gt-dir", f"{f}/gt", "-pred", f"{f}/pred.json",
                         "-pred-dir", f"{f}/pred", "-protocol", "both")
        if args.panopticapi:
            self.compare("PQ, panopticapi", references.panoptic(args.panopticapi, f), got["exact"], DOUBLE)
        if args.eomt and kind.get("crowds") != "many":
            self.compare("PQ upstream, torchmetrics", references.panoptic_upstream(args.eomt, f), got["upstream"], DOUBLE)

    def instance(self, args, **kind):
        randomsets.instance_set(self.rng, self.folder, **kind)
        f = self.folder
        got = self.score("instance", "-gt", f"{f}/gt.json", "-pred", f"{f}/pred.json", "-protocol", "both")
        self.compare("mask AP, pycocotools", references.instance(f), got["exact"], DOUBLE)
        self.compare("mask AP upstream, torchmetrics", references.instance_upstream(f), got["upstream"], SINGLE)

    def boundary(self, args):
        randomsets.instance_set(self.rng, self.folder, id_zero=False)
        f = self.folder
        got = self.score("instance", "-gt", f"{f}/gt.json", "-pred", f"{f}/pred.json", "-boundary")
        self.compare("boundary AP, faster-coco-eval", references.instance_boundary(f), got, DOUBLE)

    def semantic(self, args, dataset):
        """Predictions of no class are in Cityscapes only; torchmetrics cannot count them."""
        if dataset == "cityscapes":
            labels, predicted = np.arange(34), np.arange(34)
        else:
            classes = list(range(1, 151))
            labels, predicted = np.arange(151), np.arange(1, 151)
        f = self.folder
        randomsets.semantic_set(self.rng, f, labels, predicted)
        scored = ("semantic", "-gt-dir", f"{f}/gt", "-pred-dir", f"{f}/pred", "-dataset", dataset, "-protocol", "both")
        if dataset == "cityscapes":
            self.compare("mIoU Cityscapes, cityscapesscripts", references.cityscapes(f), self.score(*scored)["exact"], DOUBLE)
            return
        for path in glob.glob(f"{f}/gt/*.png"):
            os.rename(path, path.replace("_gtFine_labelIds", ""))
        got = self.score(*scored)
        for protocol in ("exact", "upstream"):  # the same rule
            self.compare("mIoU ADE20K, torchmetrics", references.semantic_upstream(f, classes), got[protocol], SINGLE)

    def run(self, check, args, **kind):
        with tempfile.TemporaryDirectory() as self.folder:
            check(args, **kind)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--panopticapi", help="checkout of cocodataset/panopticapi")
    parser.add_argument("--eomt", help="checkout of tue-mps/eomt")
    parser.add_argument("--sets", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--score", help="a built cmd/score (default: go build)")
    args = parser.parse_args()
    for name in ("panopticapi", "eomt"):
        if not getattr(args, name):
            progress(f"metrics: --{name} is not given: its comparisons are left out")
    with tempfile.TemporaryDirectory() as tools:
        if not args.score:
            args.score = os.path.join(tools, "score")
            subprocess.run(["go", "build", "-o", args.score, "./cmd/score"], check=True)
        p = Parity([args.score], np.random.default_rng(args.seed))
        for k in range(args.sets):
            progress(f"metrics: random data sets {k + 1} of {args.sets}")
            p.run(p.panoptic, args, crowds="one", many=k == 0)
            p.run(p.panoptic, args, crowds="many")
            p.run(p.instance, args, many=k == 0)
            p.run(p.instance, args, boxes=True, id_zero=False)
            p.run(p.boundary, args)
            p.run(p.semantic, args, dataset="cityscapes")
            p.run(p.semantic, args, dataset="ade20k")
    sys.exit(p.table.finish())


main()
