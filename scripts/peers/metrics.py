"""Speed of cmd/score against the official and the fastest other evaluation code,
on the same files, alternating, in one run; prints a Markdown table.

    python scripts/peers/metrics.py --realdata ../shared/realdata [--panopticapi CHECKOUT] [--runs 5]

AP: the oracle's 100 images, 839 annotations and 734 detections, repeated with
fresh ids to 2,000 images, 16,780 annotations and, with 4 copies of each
detection, 58,720 detections. PQ: a map of a real image and a changed one, 200
pairs of 640 x 427 pixels. mIoU: 100 pairs of 1024 x 512 label maps. All sides
read the files; process start is not counted for the Python ones. Needs
pycocotools, faster-coco-eval, hotcoco, torch and torchmetrics; panopticapi
only where the path of a checkout is given.
"""

import argparse
import contextlib
import glob
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

REPEATS, DETECTION_COPIES = 20, 4
PQ_PAIRS, MIOU_PAIRS, CLASSES = 200, 100, 19


def write_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f)


# ---- files ------------------------------------------------------------------

def instance_files(realdata, folder):
    """The oracle's files many times over: 839 * 20 = 16,780 and 734 * 20 * 4 = 58,720."""
    with open(f"{realdata}/oracle_ap/instances_val2014_100.json") as f:
        gt = json.load(f)
    with open(f"{realdata}/oracle_ap/instances_val2014_fakesegm100_results.json") as f:
        results = json.load(f)
    images, annotations, detections, span = [], [], [], 1_000_000
    for k in range(REPEATS):
        images += [{**i, "id": i["id"] + k * span} for i in gt["images"]]
        annotations += [{**a, "id": len(annotations) + n + 1, "image_id": a["image_id"] + k * span}
                        for n, a in enumerate(gt["annotations"])]
        for copy in range(DETECTION_COPIES):
            detections += [{**d, "image_id": d["image_id"] + k * span, "score": d["score"] * (1 - 0.1 * copy)}
                           for d in results]
    write_json(f"{folder}/gt.json", {**gt, "images": images, "annotations": annotations})
    write_json(f"{folder}/pred.json", detections)
    return f"{len(images)} images, {len(annotations)} annotations, {len(detections)} detections"


def panoptic_files(realdata, folder):
    sample = f"{realdata}/coco_panoptic/panopticapi_sample"
    with open(f"{sample}/panoptic_examples.json") as f:
        gt = json.load(f)
    with open(f"{realdata}/coco_panoptic/panoptic_coco_categories.json") as f:
        categories = json.load(f)
    for d in ("gt", "pred"):
        os.mkdir(f"{folder}/{d}")
    files = {"gt": [], "pred": []}
    for k in range(PQ_PAIRS):
        a = gt["annotations"][k % len(gt["annotations"])]
        png = np.array(Image.open(f"{sample}/panoptic_examples/{a['file_name']}"))
        moved = np.roll(png, (k % 7, k % 5), (0, 1))
        for d, m in (("gt", png), ("pred", moved)):
            Image.fromarray(m).save(f"{folder}/{d}/{k}.png")
            files[d].append({**a, "image_id": k, "file_name": f"{k}.png"})
    for d, annotations in files.items():
        write_json(f"{folder}/{d}.json", {"annotations": annotations, "categories": categories})
    return f"{PQ_PAIRS} pairs of {png.shape[1]} x {png.shape[0]}"


def label_files(folder):
    rng = np.random.default_rng(1)
    ids = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33, 0, 4])
    for d in ("gt", "pred"):
        os.mkdir(f"{folder}/{d}")
    for k in range(MIOU_PAIRS):
        coarse = rng.integers(0, 12, (32, 64))
        m = ids[rng.permutation(len(ids))][np.kron(coarse, np.ones((16, 16), int))]
        p = np.where(m > 6, np.roll(m, (3, 5), (0, 1)), 7)
        p = np.where(p > 6, p, 8)
        for d, labels, name in (("gt", m, "_gtFine_labelIds"), ("pred", p, "")):
            Image.fromarray(labels.astype(np.uint8)).save(f"{folder}/{d}/city_{k:06d}_000000{name}.png")
    return f"{MIOU_PAIRS} pairs of 1024 x 512"


# ---- peers: each reads the files of a folder and returns its primary metric ------

def pycocotools(folder):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    return coco_eval(COCO, COCOeval, folder)


def faster_coco_eval(folder):
    from faster_coco_eval import COCO, COCOeval_faster
    return coco_eval(COCO, COCOeval_faster, folder)


def hotcoco(folder):
    from hotcoco import COCO, COCOeval
    return coco_eval(COCO, COCOeval, folder)


def coco_eval(COCO, COCOeval, folder):
    gt = COCO(f"{folder}/gt.json")
    dt = gt.loadRes(f"{folder}/pred.json") if hasattr(gt, "loadRes") else gt.load_res(f"{folder}/pred.json")
    e = COCOeval(gt, dt, "segm")
    e.evaluate()
    e.accumulate()
    e.summarize()
    return float(e.stats[0])


def panopticapi(folder):
    from panopticapi.evaluation import pq_compute_multi_core, pq_compute_single_core
    with open(f"{folder}/gt.json") as f:
        gt = json.load(f)
    with open(f"{folder}/pred.json") as f:
        pred = {a["image_id"]: a for a in json.load(f)["annotations"]}
    categories = {c["id"]: c for c in gt["categories"]}
    pairs = [(a, pred[a["image_id"]]) for a in gt["annotations"]]
    if len(os.sched_getaffinity(0)) == 1:
        stat = pq_compute_single_core(0, pairs, f"{folder}/gt", f"{folder}/pred", categories)
    else:
        stat = pq_compute_multi_core(pairs, f"{folder}/gt", f"{folder}/pred", categories)
    return stat.pq_average(categories, None)[0]["pq"]


def torchmetrics(folder):
    import torch
    from torchmetrics.classification import MulticlassJaccardIndex
    table = np.full(256, 255)
    table[[7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]] = np.arange(CLASSES)
    table = torch.tensor(table)
    metric = MulticlassJaccardIndex(CLASSES, ignore_index=255, average=None, validate_args=False)
    for path in sorted(glob.glob(f"{folder}/gt/*.png")):
        m = table[torch.tensor(np.array(Image.open(path), dtype=np.int64))]
        p = table[torch.tensor(np.array(Image.open(path.replace("/gt/", "/pred/").replace("_gtFine_labelIds", "")), dtype=np.int64))]
        metric.update(p[None], m[None])
    return float(metric.compute().mean())


# ---- measuring --------------------------------------------------------------

def worker(name, folder):
    """In its own process: imports, then times one run; prints seconds, memory and primary metric."""
    with contextlib.redirect_stdout(io.StringIO()):
        with contextlib.suppress(ImportError):
            __import__({"panopticapi": "panopticapi.evaluation", "faster_coco_eval": "faster_coco_eval"}.get(name, name))
            if name == "torchmetrics":
                __import__("torchmetrics.classification")
        start, cpu = time.perf_counter(), cpu_seconds()
        headline = globals()[name](folder)
        seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    peak = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps([seconds, cpu, peak / 1024, headline]))


def cpu_seconds():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def run_peer(name, folder, cores):
    out = subprocess.run(["taskset", "-c", cores, sys.executable, "-W", "ignore", __file__, "--worker", name, folder],
                         check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PATHS}).stdout
    return json.loads(out.strip().splitlines()[-1])


def run_ours(score, arguments, headline, folder, cores):
    out = f"{folder}/out.json"
    start = time.perf_counter()
    process = subprocess.Popen(["taskset", "-c", cores, score, *arguments, "-json", out], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"score failed: {arguments}")
    with open(out) as f:
        return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, headline(json.load(f))


PATHS = ""


def compare(title, peers, score, arguments, headline, folder, runs, cores):
    rows = {name: [] for name in ["score", *peers]}
    for _ in range(runs):
        for name in rows:
            rows[name].append(run_ours(score, arguments, headline, folder, cores) if name == "score"
                              else run_peer(name, folder, cores))
    ours = statistics.median(r[0] for r in rows["score"])
    for name, results in rows.items():
        s = [r[0] for r in results]
        print(f"| {title} | {cores} | {name} | {statistics.median(s):.3f} ({min(s):.3f}-{max(s):.3f}) | "
              f"{statistics.median(s) / ours:.2f} | {statistics.median(r[1] for r in results):.3f} | "
              f"{max(r[2] for r in results):.0f} | {results[0][3]:.6f} |", flush=True)


def main():
    global PATHS
    if sys.argv[1:2] == ["--worker"]:
        return worker(*sys.argv[2:])
    parser = argparse.ArgumentParser()
    parser.add_argument("--realdata", required=True)
    parser.add_argument("--panopticapi", help="checkout of cocodataset/panopticapi")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--score", help="a built cmd/score (default: go build)")
    parser.add_argument("--only", default="ap,pq,miou")
    args = parser.parse_args()
    PATHS = args.panopticapi or ""
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))
    print("| work | cores | implementation | seconds, median (min-max) | times score's | CPU seconds | peak MiB | headline |\n|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as tools:
        if not args.score:
            args.score = f"{tools}/score"
            subprocess.run(["go", "build", "-o", args.score, "./cmd/score"], check=True)
        for work in args.only.split(","):
            folder = f"{tools}/{work}"
            os.mkdir(folder)
            files = ["-gt", f"{folder}/gt.json", "-pred", f"{folder}/pred.json"]
            dirs = ["-gt-dir", f"{folder}/gt", "-pred-dir", f"{folder}/pred"]
            if work == "ap":
                title = "mask AP, " + instance_files(args.realdata, folder)
                compare(title, ["hotcoco", "faster_coco_eval", "pycocotools"], args.score, ["instance", *files],
                        lambda r: r["AP"], folder, args.runs, cores)
            elif work == "pq":
                title = "PQ, " + panoptic_files(args.realdata, folder)
                if not args.panopticapi:
                    print("panopticapi is left out: give its checkout with --panopticapi", file=sys.stderr)
                for c in (cores[:1], cores):
                    compare(title, ["panopticapi"] if args.panopticapi else [], args.score, ["panoptic", *files, *dirs],
                            lambda r: r["All"]["pq"], folder, args.runs, c)
            else:
                title = "mIoU, " + label_files(folder)
                compare(title, ["torchmetrics"], args.score, ["semantic", *dirs, "-dataset", "cityscapes"],
                        lambda r: r["mIoU"], folder, args.runs, cores)


main()
