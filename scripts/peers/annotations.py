"""Compares reading annotations with pycocotools, in one run on the same files.

    python scripts/peers/annotations.py INSTANCES_JSON

Masks: the conversions of all masks of INSTANCES_JSON, best of seven rounds, one
thread each; the areas must be equal. Opening: an index of COCO train2017's size
(118,287 images, 860,001 polygons), generated, which this project opens in its zip
and pycocotools reads unpacked; wall clock and peak memory of a process each.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
IMAGES, ANNOTATIONS, CATEGORIES = 118287, 860001, 80

# The reference's side of opening, run in its own process.
OPEN = """
import json, resource, sys, time
start = time.perf_counter()
if sys.argv[2] == "pycocotools":
    import contextlib, io
    from pycocotools.coco import COCO
    with contextlib.redirect_stdout(io.StringIO()):
        images = len(COCO(sys.argv[1]).imgs)
else:
    images = len(json.load(open(sys.argv[1]))["images"])
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "images": images, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def write_index(path):
    rng = random.Random(1)
    polygon = "[[" + ", ".join(["%.2f"] * 44) + "]]"
    walk = [(rng.gauss(0, 10), rng.gauss(0, 10)) for _ in range(10007)]
    with open(path, "w") as out:
        out.write('{"info": {}, "licenses": [], "images": [')
        out.write(", ".join(
            '{"license": 3,"file_name": "%012d.jpg","coco_url": "http://example.org/train2017/%012d.jpg","height": 480,"width": 640,'
            '"date_captured": "2013-11-14 11:18:45","flickr_url": "http://example.org/9187_z.jpg","id": %d}' % (i, i, i) for i in range(IMAGES)))
        out.write('], "categories": [' + ", ".join('{"id": %d, "name": "c%d"}' % (i, i) for i in range(1, CATEGORIES + 1)) + '], "annotations": [')
        for i in range(ANNOTATIONS):
            x, y, xy = 100 + 400 * rng.random(), 100 + 300 * rng.random(), []
            at = rng.randrange(len(walk) - 22)
            for dx, dy in walk[at : at + 22]:
                x, y = x + dx, y + dy
                xy += (x, y)
            out.write((", " if i else "") + '{"segmentation": ' + polygon % tuple(xy) + ',"area": %.4f,"iscrowd": 0,"image_id": %d,'
                      '"bbox": [199.84, 200.46, 77.71, 70.88],"category_id": %d,"id": %d}'
                      % (1e4 * rng.random(), i % IMAGES, 1 + i % CATEGORIES, i + 1))
        out.write("]}")


def output(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def compare_opening(binary, folder):
    index = folder / "instances_train2017.json"
    write_index(index)
    with zipfile.ZipFile(folder / "annotations_trainval2017.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.write(index, "annotations/instances_train2017.json")
    with zipfile.ZipFile(folder / "train2017.zip", "w") as z:
        for i in range(IMAGES):
            z.writestr("train2017/%012d.jpg" % i, b"")
    runs = {
        "pycocotools COCO()": [sys.executable, "-c", OPEN, str(index), "pycocotools"],
        "json.load alone": [sys.executable, "-c", OPEN, str(index), "json"],
        "eomt, from zips": [str(binary), "-open", str(folder)],
    }
    base = None
    print(f"| opening {IMAGES:,} images, {index.stat().st_size / 1e6:.0f} MB of JSON | seconds, least of 3 | peak MB | speed against the first |\n|---|---|---|---|")
    for name, command in runs.items():
        best = min((output(command) for _ in range(3)), key=lambda r: r["seconds"])
        assert best["images"] == IMAGES, best
        base = base or best["seconds"]
        print(f"| {name} | {best['seconds']:.2f} | {best['mb']:.0f} | {base / best['seconds']:.1f} |")


def reference_masks(path):
    from pycocotools import mask as coco

    document = json.loads(path.read_text())
    sizes = {i["id"]: (i["height"], i["width"]) for i in document["images"]}
    work = [(a["segmentation"], *sizes[a["image_id"]]) for a in document["annotations"]]
    best = {}

    def timed(name, function):
        start = time.perf_counter()
        result = function()
        best[name] = min(best.get(name, 1e9), (time.perf_counter() - start) * 1e3)
        return result

    def runs(s, h, w):
        r = coco.frPyObjects(s, h, w)
        return coco.merge(r) if isinstance(r, list) else r

    for _ in range(7):
        rles = timed("polygons to runs", lambda: [runs(*job) for job in work])
        pixels = timed("runs to pixels", lambda: [coco.decode(r) for r in rles])
        texts = timed("pixels to text", lambda: [coco.encode(p) for p in pixels])
        timed("text to pixels", lambda: [coco.decode(t) for t in texts])
    best["area"] = float(sum(coco.area(r) for r in rles))
    return best


def compare_masks(binary, path):
    theirs = reference_masks(path)
    ours = output([str(binary), "-masks", str(path)])
    if theirs["area"] != ours["area"]:
        sys.exit(f"the masks' area is {ours['area']:.0f}, pycocotools has {theirs['area']:.0f}")
    print(f"| all masks of {path.name}, least of 7 | pycocotools, ms | eomt, ms | speed |\n|---|---|---|---|")
    for name, ms in theirs.items():
        if name != "area":
            print(f"| {name} | {ms:.2f} | {ours[name]:.2f} | {ms / ours[name]:.1f} |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instances", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        binary = folder / "annotations-eomt"
        subprocess.run(["go", "build", "-o", str(binary), "./scripts/peers/annotations"], cwd=REPOSITORY, check=True)
        compare_masks(binary, args.instances)
        compare_opening(binary, folder)


if __name__ == "__main__":
    main()
