"""The reference evaluation code for the metric cores, run on files in the official
formats. Every function returns what `score -json` writes.

panopticapi and the reference implementation are not on the registries: their
functions take the path of a checkout (panopticapi 7bb46555, tue-mps/eomt
7bd19dd). The rest: pycocotools 2.0.11, torchmetrics 1.7.1.
"""

import ast
import contextlib
import io
import json
import os
import sys
import types
from typing import cast

import numpy as np
from PIL import Image
from pycocotools import mask as api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

# pycocotools' order of figures.
NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def read(path):
    with open(path) as f:
        return json.load(f)


def panoptic(checkout, folder):
    sys.path.insert(0, checkout)
    from panopticapi.evaluation import pq_compute_single_core

    gt, pred = read(f"{folder}/gt.json"), read(f"{folder}/pred.json")
    categories = {c["id"]: c for c in gt["categories"]}
    by_image = {a["image_id"]: a for a in pred["annotations"]}
    pairs = [(a, by_image[a["image_id"]]) for a in gt["annotations"]]
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        stat = pq_compute_single_core(0, pairs, f"{folder}/gt", f"{folder}/pred", categories)
    result = {}
    for name, things in (("All", None), ("Things", True), ("Stuff", False)):
        result[name], classes = stat.pq_average(categories, things)
        if name == "All":
            per_class = classes
    result["per_class"] = [{"id": i, **per_class[i], "iou": stat[i].iou, "tp": stat[i].tp, "fp": stat[i].fp,
                            "fn": stat[i].fn} for i in categories]
    return result


def instance(folder):
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(f"{folder}/gt.json")
        e = COCOeval(gt, gt.loadRes(f"{folder}/pred.json"), "segm")
        e.evaluate()
        e.accumulate()
        e.summarize()
    result = dict(zip(NAMES, e.stats.tolist()))
    result["per_class"] = []
    for k, c in enumerate(e.params.catIds):
        p = e.eval["precision"][:, :, k, 0, -1]
        result["per_class"].append({"id": int(c), "ap": float(p[p > -1].mean()) if (p > -1).any() else -1})
    return result


def instance_boundary(folder):
    """faster-coco-eval, which computes boundaries as boundary-iou-api does."""
    from faster_coco_eval import COCO as FasterCOCO, COCOeval_faster
    with contextlib.redirect_stdout(io.StringIO()):
        gt = FasterCOCO(f"{folder}/gt.json")
        e = COCOeval_faster(gt, gt.loadRes(f"{folder}/pred.json"), "boundary")
        e.evaluate()
        e.accumulate()
        e.summarize()
    return dict(zip(NAMES, np.asarray(e.stats, float)[:12].tolist()))


def ids_of(path):
    rgb = np.array(Image.open(path), dtype=np.int64)
    return rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]


def functions_of(checkout, names):
    """Functions of training/lightning_module.py, without its unneeded imports."""
    import torch
    from torchmetrics.functional.detection import _panoptic_quality_common as common

    with open(os.path.join(checkout, "training", "lightning_module.py")) as f:
        tree = ast.parse(f.read())
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name in names]
    for n in found:
        n.decorator_list = []
    scope = {"torch": torch, "cast": cast, **vars(common)}
    exec(compile(ast.Module(found, []), "lightning_module", "exec"), scope)
    return [scope[n] for n in names]


def panoptic_upstream(checkout, folder):
    import torch
    from torchmetrics.detection import PanopticQuality

    update, per_pixel = functions_of(checkout, ["update_metrics_panoptic", "to_per_pixel_targets_panoptic"])
    gt, pred = read(f"{folder}/gt.json"), read(f"{folder}/pred.json")
    ordered = sorted(gt["categories"], key=lambda c: (-c["isthing"], c["id"]))
    index = {c["id"]: k for k, c in enumerate(ordered)}
    things = [k for k, c in enumerate(ordered) if c["isthing"]]
    stuff = [k for k, c in enumerate(ordered) if not c["isthing"]]
    metric = PanopticQuality(things, stuff + [len(ordered)], return_sq_and_rq=True, return_per_class=True)
    module = types.SimpleNamespace(metrics=[metric])
    by_image = {a["image_id"]: a for a in pred["annotations"]}
    for a in gt["annotations"]:
        ids = ids_of(f"{folder}/gt/{a['file_name']}")
        listed = {s["id"]: s for s in a["segments_info"]}
        present = [i for i in np.unique(ids).tolist() if i in listed]
        if not present:
            continue
        target = {"masks": torch.tensor(np.stack([ids == i for i in present])),
                  "labels": torch.tensor([index[listed[i]["category_id"]] for i in present])}
        crowd = torch.tensor([bool(listed[i]["iscrowd"]) for i in present])
        p = by_image[a["image_id"]]
        ids = ids_of(f"{folder}/pred/{p['file_name']}")
        out = np.stack([np.full_like(ids, len(ordered)), np.full_like(ids, -1)], -1)
        for k, s in enumerate(p["segments_info"]):
            out[ids == s["id"]] = index[s["category_id"]], k
        update(module, [torch.tensor(out)], per_pixel([target]), [crowd], 0)
    values = metric.compute()[:-1].double().numpy()
    counts = [v[:-1].numpy() for v in (metric.iou_sum, metric.true_positives, metric.false_positives, metric.false_negatives)]
    result = {}
    for name, rows in (("All", values), ("Things", values[: len(things)]), ("Stuff", values[len(things):])):
        result[name] = dict(zip(("pq", "sq", "rq"), rows.mean(0).tolist()), n=len(rows))
    rows = {c["id"]: {"id": c["id"], **dict(zip(("pq", "sq", "rq"), values[k].tolist())),
                      **{n: v[k].item() for n, v in zip(("iou", "tp", "fp", "fn"), counts)}} for k, c in enumerate(ordered)}
    result["per_class"] = [rows[c["id"]] for c in gt["categories"]]
    return result


def instance_upstream(folder):
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    gt, pred = COCO(), read(f"{folder}/pred.json")
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(f"{folder}/gt.json")
    metric = MeanAveragePrecision(iou_type="segm")
    metric.warn_on_many_detections = False
    by_image = {}
    for d in pred:
        by_image.setdefault(d["image_id"], []).append(d)
    for i in sorted(gt.imgs):
        size = gt.imgs[i]["height"], gt.imgs[i]["width"]
        truths = gt.imgToAnns[i]
        if not truths:
            continue

        def masks(list_of_masks):
            return torch.tensor(np.array(list_of_masks, bool).reshape(-1, *size))

        found = by_image.get(i, [])
        metric.update(
            [{"masks": masks([api.decode(d["segmentation"]) for d in found]),
              "scores": torch.tensor([d["score"] for d in found], dtype=torch.float32),
              "labels": torch.tensor([d["category_id"] for d in found], dtype=torch.int64)}],
            [{"masks": masks([gt.annToMask(t) for t in truths]),
              "labels": torch.tensor([t["category_id"] for t in truths]),
              "iscrowd": torch.tensor([t["iscrowd"] for t in truths])}])
    with contextlib.redirect_stdout(io.StringIO()):
        r = metric.compute()
    keys = ["map", "map_50", "map_75", "map_small", "map_medium", "map_large", "mar_1", "mar_10", "mar_100",
            "mar_small", "mar_medium", "mar_large"]
    return {n: r[k].item() for n, k in zip(NAMES, keys)}


def label_pairs(folder):
    for name in sorted(os.listdir(f"{folder}/gt")):
        yield f"{folder}/gt/{name}", f"{folder}/pred/{name.replace('_gtFine_labelIds', '')}"


def cityscapes(folder):
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as e
    e.args.evalInstLevelScore = e.args.evalPixelAccuracy = e.args.JSONOutput = False
    e.args.quiet = True
    truth, pred = zip(*label_pairs(folder))
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        r = e.evaluateImgLists(list(pred), list(truth), e.args)
    ids = {label.name: label.id for label in e.labels}
    return {"mIoU": r["averageScoreClasses"], "per_class": [
        {"id": ids[n], "iou": float(v)} for n, v in r["classScores"].items() if np.isfinite(v)]}


def semantic_upstream(folder, ids):
    """torchmetrics over train ids, 255 ignored, absent classes 0; ids are the labels of the classes."""
    import torch
    from torchmetrics.classification import MulticlassJaccardIndex
    table = np.full(256, 255)
    table[ids] = np.arange(len(ids))
    metric = MulticlassJaccardIndex(len(ids), ignore_index=255, average=None, validate_args=False)
    for truth, pred in label_pairs(folder):
        m, p = (torch.tensor(table[np.array(Image.open(f))]) for f in (truth, pred))
        metric.update(p[None], m[None])
    iou = metric.compute().double()
    return {"mIoU": iou.mean().item(), "per_class": [{"id": i, "iou": v} for i, v in zip(ids, iou.tolist())]}
