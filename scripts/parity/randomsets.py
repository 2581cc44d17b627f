"""Random data sets in the official formats with the hard cases of evaluation code:
crowds, void, empty images, id 0, ties of scores and IoUs, stated areas that differ
from the masks, thousands of instances. Used by metrics.py and goldens/metrics.py.
"""

import json
import os

import numpy as np
from PIL import Image
from pycocotools import mask as api


def write_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f)


# ---- panoptic ---------------------------------------------------------------

def blocks(rng, h, w, n):
    """A map of 0..n-1 cut out of random rectangles over a grid."""
    m = np.zeros((h, w), int)
    for k in range(1, n):
        y, x = rng.integers(0, h), rng.integers(0, w)
        m[y : y + rng.integers(1, h + 1), x : x + rng.integers(1, w + 1)] = k
    return m


def relabel(rng, m, zero):
    """Gives each label of m a random id; the first becomes 0 where zero is set."""
    labels = np.unique(m)
    bits = 24 if len(labels) > 60 else int(rng.choice([6, 24]))
    ids = rng.choice(1 << bits, len(labels) + 1, replace=False)
    ids = ids[ids != 0][: len(labels)]
    if zero:
        ids[0] = 0
    return ids[np.searchsorted(labels, m)]


def save_ids(path, ids):
    rgb = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], -1).astype(np.uint8)
    Image.fromarray(rgb).save(path)


def segments(rng, ids, categories, listed_zero):
    out = []
    for i, n in zip(*np.unique(ids, return_counts=True)):
        if i == 0 and not listed_zero:
            continue
        out.append({"id": int(i), "category_id": int(rng.choice(categories)), "area": int(n), "iscrowd": 0})
    rng.shuffle(out)
    return out


def panoptic_image(rng, categories, things, many, crowds):
    """Returns ground-truth ids and segments, predicted ids and segments."""
    if many:
        h = w = 200
        m = np.arange(h)[:, None] // 3 * 67 + np.arange(w)[None] // 3
    else:
        h, w = (int(v) for v in rng.integers(1, 60, 2))
        m = blocks(rng, h, w, int(rng.integers(1, 12)))
    gt = relabel(rng, m, zero=rng.random() < 0.5)
    gt_segments = segments(rng, gt, categories, listed_zero=False)
    for s in gt_segments:
        s["iscrowd"] = int(crowds == "many" and rng.random() < 0.4)
        if rng.random() < 0.05:
            s["area"] += int(rng.integers(1, 5))
    if crowds == "one":  # of a category
        for c in things:
            mine = [s for s in gt_segments if s["category_id"] == c]
            if mine and rng.random() < 0.5:
                mine[0]["iscrowd"] = 1
    if gt_segments and rng.random() < 0.2:
        gt_segments.pop()  # an id of the PNG that is not in the JSON
    if rng.random() < 0.2:  # and the reverse
        gt_segments.append({"id": (1 << 24) - 1, "category_id": int(rng.choice(things)), "area": 7, "iscrowd": 0})

    kind = rng.integers(5)
    if kind == 0:  # nothing
        return gt, gt_segments, np.zeros_like(gt), []
    if kind == 1 and not many:  # something else
        pred = relabel(rng, blocks(rng, h, w, int(rng.integers(1, 12))), zero=rng.random() < 0.5)
    else:  # the truth moved, partly merged, with new ids
        pred = np.roll(m, tuple(rng.integers(-2, 3, 2)), (0, 1))
        pred = relabel(rng, np.where(rng.random() < 0.3, pred // 2, pred), zero=rng.random() < 0.5)
    pred_segments = segments(rng, pred, categories, listed_zero=rng.random() < 0.3)
    of_truth = {s["id"]: s["category_id"] for s in gt_segments}
    for s in pred_segments:  # mostly the right category
        owners, n = np.unique(gt[pred == s["id"]], return_counts=True) if not many else ([], [0])
        owner = of_truth.get(int(owners[np.argmax(n)])) if len(owners) else None
        if owner is not None and rng.random() < 0.85:
            s["category_id"] = owner
    return gt, gt_segments, pred, pred_segments


def panoptic_set(rng, folder, images=20, many=False, crowds="one"):
    """Writes gt.json, gt/, pred.json and pred/."""
    n = int(rng.integers(2, 9))
    ids = rng.permutation(np.arange(1, 200))[:n]
    categories = [{"id": int(c), "name": f"class {c}", "isthing": int(k % 2)} for k, c in enumerate(ids)]
    things = [c["id"] for c in categories if c["isthing"]]
    files = {"gt": [], "pred": []}
    for d in files:
        os.makedirs(os.path.join(folder, d))
    for k in range(images):
        gt, gs, pred, ps = panoptic_image(rng, ids, things, many and k == 0, crowds)
        for d, m, s in (("gt", gt, gs), ("pred", pred, ps)):
            save_ids(os.path.join(folder, d, f"{k}.png"), m)
            files[d].append({"image_id": 7 * k + 1, "file_name": f"{k}.png", "segments_info": s})
    # Every class occurs, as panopticapi divides by their number.
    for d in files:
        m = np.repeat(np.arange(1, n + 1)[None], 4, 0)
        save_ids(os.path.join(folder, d, "all.png"), m)
        files[d].append({"image_id": 1000000, "file_name": "all.png", "segments_info": [
            {"id": k + 1, "category_id": int(c), "area": 4, "iscrowd": 0} for k, c in enumerate(ids)]})
    order = rng.permutation(len(files["pred"]))
    write_json(os.path.join(folder, "gt.json"), {"annotations": files["gt"], "categories": categories})
    write_json(os.path.join(folder, "pred.json"), {"annotations": [files["pred"][k] for k in order]})


# ---- instance ---------------------------------------------------------------

def blob(rng, h, w, around=None):
    if around is None:
        cy, cx, ry, rx = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(0.5, h / 2), rng.uniform(0.5, w / 2)
    else:
        cy, cx, ry, rx = (v + rng.normal(0, 0.15) * r for v, r in zip(around, (around[2], around[3]) * 2))
    yy, xx = np.mgrid[:h, :w]
    if rng.random() < 0.5:
        m = (np.abs(yy - cy) <= ry) & (np.abs(xx - cx) <= rx)
    else:
        m = ((yy - cy) / max(ry, 0.1)) ** 2 + ((xx - cx) / max(rx, 0.1)) ** 2 <= 1
    return m, (cy, cx, ry, rx)


def encode(m):
    rle = api.encode(np.asfortranarray(m.astype(np.uint8)))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def plain(m):
    flat = m.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return {"size": list(m.shape), "counts": ([0] if flat[0] else []) + runs}


def segmentation(rng, m, box):
    cy, cx, ry, rx = (float(v) for v in box)
    kind = rng.integers(3)
    if kind == 0:
        return [[cx - rx, cy - ry, cx + rx, cy - ry, cx + rx, cy + ry, cx - rx, cy + ry],
                [cx, cy, cx + 2.5, cy, cx, cy + 3.25]]
    return encode(m) if kind == 1 else plain(m)


def instance_image(rng, image, categories, objects, detections, ids):
    h, w = image["height"], image["width"]
    truths, results, boxes = [], [], []
    for _ in range(objects):
        m, box = blob(rng, h, w)
        c = int(rng.choice(categories))
        boxes.append((box, c))
        truths.append({"id": next(ids), "image_id": image["id"], "category_id": c,
                       "iscrowd": int(rng.random() < 0.15), "segmentation": segmentation(rng, m, box),
                       "area": float(m.sum() * rng.choice([1, 1, 1, 0.5, 4])), "bbox": [0, 0, 1, 1]})
    for _ in range(detections):
        box, c = boxes[rng.integers(len(boxes))] if boxes and rng.random() < 0.8 else (None, None)
        m, _ = blob(rng, h, w, box)
        if rng.random() < 0.15 or c is None:
            c = int(rng.choice(categories))
        results.append({"image_id": image["id"], "category_id": c, "segmentation": encode(m),
                        "score": float(rng.choice([round(rng.random(), 1), rng.random()]))})
    return truths, results


def instance_set(rng, folder, images=40, many=False, id_zero=True, boxes=False):
    """Writes gt.json and pred.json."""
    categories = [int(c) for c in rng.permutation(np.arange(1, 100))[: rng.integers(1, 6)]]
    infos, truths, results = [], [], []
    ids = iter(range(0 if id_zero else 1, 1 << 30))
    for k in range(images):
        big = many and k == 0
        h, w = (200, 220) if big else (int(v) for v in rng.integers(1, 140, 2))
        info = {"id": int(rng.integers(1 << 20)) * 64 + k, "height": h, "width": w, "file_name": f"{k}.jpg"}
        n = 1500 if big else int(rng.choice([0, 1, 3, 8]))
        d = 2500 if big else int(rng.choice([0, 1, 5, 20, 130]))
        t, r = instance_image(rng, info, categories, n, d, ids)
        infos.append(info)
        truths += t
        results += r
    if boxes:
        for r in results:
            r["bbox"] = [float(v) for v in api.toBbox({**r["segmentation"], "counts": r["segmentation"]["counts"].encode()})]
    order = rng.permutation(len(results))
    write_json(os.path.join(folder, "gt.json"), {"images": infos, "annotations": truths, "categories": [
        {"id": c, "name": f"class {c}"} for c in categories]})
    write_json(os.path.join(folder, "pred.json"), [results[k] for k in order])


# ---- semantic ---------------------------------------------------------------

def semantic_set(rng, folder, labels, predicted, images=20):
    """Writes gt/ and pred/ of label PNGs drawn from two lists of labels."""
    for d in ("gt", "pred"):
        os.makedirs(os.path.join(folder, d))
    for k in range(images):
        h, w = (int(v) for v in rng.integers(1, 90, 2))
        n = int(rng.integers(1, 12))
        table = rng.choice(labels, n)
        m = table[blocks(rng, h, w, n)]
        p = np.where(np.isin(m, predicted), m, rng.choice(predicted))
        noise = rng.choice(predicted, n)[blocks(rng, h, w, n)]
        p = np.where(rng.random((h, w)) < rng.choice([0, 0.1, 0.6]), noise, p)
        stem = f"city_{k:06d}_000000"
        Image.fromarray(m.astype(np.uint8)).save(os.path.join(folder, "gt", stem + "_gtFine_labelIds.png"))
        Image.fromarray(p.astype(np.uint8)).save(os.path.join(folder, "pred", stem + ".png"))
