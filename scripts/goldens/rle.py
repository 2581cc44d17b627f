"""Writes data/rle/testdata/golden.json with pycocotools 2.0.11, numpy 2.4.6 and,
for boundaries, faster-coco-eval 1.8.0 with opencv-python-headless 5.0.0.

Run by hand from the repository root: python scripts/goldens/rle.py
Random masks, polygons (also outside the image, degenerate, self-crossing),
unions, intersections and IoUs with crowds; seed 1.
"""

import json

import numpy as np
from faster_coco_eval.core.mask import rleToBoundaryCV
from pycocotools import mask as api

rng = np.random.default_rng(1)


def text(rle):
    return {"h": rle["size"][0], "w": rle["size"][1], "text": rle["counts"].decode()}


def random_mask(h, w):
    kind = rng.integers(4)
    if kind == 0:
        m = rng.random((h, w)) < rng.choice([0.02, 0.5, 0.98])
    elif kind == 1:
        m = np.zeros((h, w), bool)
        y, x = rng.integers(h), rng.integers(w)
        m[y : y + rng.integers(1, h + 1), x : x + rng.integers(1, w + 1)] = True
    elif kind == 2:
        yy, xx = np.mgrid[:h, :w]
        m = (yy - rng.integers(h)) ** 2 + (xx - rng.integers(w)) ** 2 < rng.integers(1, h * w + 1)
    else:
        m = np.full((h, w), bool(rng.integers(2)))
    return m


def entry(rle):
    e = text(rle)
    e["area"] = int(api.area(rle))
    e["bbox"] = [int(v) for v in api.toBbox(rle)]
    return e


def masks():
    out = []
    for _ in range(60):
        h, w = (int(v) for v in rng.integers(1, 40, 2))
        m = random_mask(h, w)
        e = entry(api.encode(np.asfortranarray(m.astype(np.uint8))))
        e["rows"] = ["".join("#" if v else "." for v in row) for row in m]
        out.append(e)
    return out


def random_polygon(h, w):
    n = int(rng.integers(3, 13))
    span = np.array([w, h])
    kind = rng.integers(6)
    if kind == 0:  # anywhere, also outside
        p = rng.uniform(-0.5, 1.5, (n, 2)) * span
    elif kind == 1:  # small
        p = rng.uniform(0, 1, 2) * span + rng.uniform(-2, 2, (n, 2))
    elif kind == 2:  # on whole pixels, repeated points
        p = np.repeat(rng.integers(-2, 1 + max(h, w), (n, 2)), 2, axis=0).astype(float)
    elif kind == 3:  # a star-shaped outline, two decimals as in COCO
        a = np.sort(rng.uniform(0, 2 * np.pi, n))
        r = rng.uniform(0.2, 0.6, n)
        p = np.round((0.5 + np.stack([r * np.cos(a), r * np.sin(a)], 1)) * span, 2)
    elif kind == 4:  # on the boundaries of the fine grid
        p = rng.integers(-10, 10 * max(h, w), (n, 2)) / 10.0
    else:  # two points
        p = rng.uniform(0, 1, (2, 2)) * span
    return [float(v) for v in p.ravel()]


def from_polygon(p, h, w):
    # A list whose first polygon has 4 numbers is taken for boxes, so one of 6 goes first.
    return api.frPyObjects([[0, 0, 0, 0, 0, 0], p], h, w)[1]


def polygons():
    out = []
    for _ in range(300):
        h, w = (int(v) for v in rng.integers(1, 120, 2))
        polys = [random_polygon(h, w) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        e = entry(api.merge([from_polygon(p, h, w) for p in polys]))
        e["polygons"] = polys
        out.append(e)
    return out


def pairs():
    out = []
    for _ in range(25):
        h, w = (int(v) for v in rng.integers(1, 40, 2))
        d, g = [[api.encode(np.asfortranarray(random_mask(h, w).astype(np.uint8)))
                 for _ in range(rng.integers(1, 5))] for _ in range(2)]
        crowd = [int(v) for v in rng.integers(0, 2, len(g))]
        out.append({
            "dt": [text(r) for r in d], "gt": [text(r) for r in g], "crowd": crowd,
            "iou": api.iou(d, g, crowd).tolist(),
            "union": text(api.merge(d + g)), "intersection": text(api.merge(d + g, True)),
        })
    return out


def boundaries():
    out = []
    for _ in range(120):
        h, w = (int(v) for v in rng.integers(1, 90, 2))
        rle = api.encode(np.asfortranarray(random_mask(h, w).astype(np.uint8)))
        ratio = float(rng.choice([0.001, 0.02, 0.1]))
        out.append({"h": h, "w": w, "ratio": ratio, "mask": rle["counts"].decode(),
                    "boundary": rleToBoundaryCV(rle, ratio)["counts"].decode()})
    return out


def main():
    golden = {"made_with": "pycocotools 2.0.11, numpy 2.4.6, seed 1",
              "masks": masks(), "polygons": polygons(), "pairs": pairs(), "boundaries": boundaries()}
    with open("data/rle/testdata/golden.json", "w") as f:
        f.write("{\n")
        for i, (k, v) in enumerate(golden.items()):
            if isinstance(v, list):
                body = "[\n" + ",\n".join(json.dumps(e, separators=(",", ":")) for e in v) + "\n]"
            else:
                body = json.dumps(v)
            f.write(f"{json.dumps(k)}: {body}{',' if i + 1 < len(golden) else ''}\n")
        f.write("}\n")


main()
