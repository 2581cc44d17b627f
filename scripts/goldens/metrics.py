"""Writes the random data sets of eval/cocofiles/testdata and eval/labelfiles/testdata
with the results of the official evaluation code: per set a zip of files in the
official formats and expected.json.

Run by hand from the repository root:
    python scripts/goldens/metrics.py PANOPTICAPI_CHECKOUT EOMT_CHECKOUT
Made with panopticapi 7bb46555, tue-mps/eomt 7bd19dd, torchmetrics 1.7.1,
pycocotools 2.0.11, cityscapesscripts 2.3.0, faster-coco-eval 1.8.0,
opencv-python-headless 5.0.0, numpy 2.4.6; the seed is the set's position.
"""

import os
import sys
import tempfile
import zipfile

import numpy as np

sys.path.insert(0, "scripts/parity")
import randomsets
import references

PANOPTIC = {
    "panoptic-crowds": dict(images=12),
    "panoptic-many-crowds": dict(images=12, crowds="many"),  # upstream depends on a set's order there
    "panoptic-thousands": dict(images=3, many=True),
}
INSTANCE = {
    "instance-id-zero": dict(images=24),
    "instance-boxes": dict(images=20, boxes=True, id_zero=False),
    "instance-thousands": dict(images=2, many=True),
}


def pack(folder, room, name):
    os.makedirs(f"eval/{room}/testdata", exist_ok=True)
    with zipfile.ZipFile(f"eval/{room}/testdata/{name}.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for root, _, files in sorted(os.walk(folder)):
            for f in sorted(files):
                path = os.path.join(root, f)
                with open(path, "rb") as content:
                    z.writestr(zipfile.ZipInfo(os.path.relpath(path, folder)), content.read(), zipfile.ZIP_DEFLATED)


def main(panopticapi, eomt):
    for seed, (name, kind) in enumerate((PANOPTIC | INSTANCE).items()):
        rng = np.random.default_rng(seed)
        with tempfile.TemporaryDirectory() as folder:
            if name in PANOPTIC:
                randomsets.panoptic_set(rng, folder, **kind)
                expected = {"exact": references.panoptic(panopticapi, folder)}
                if kind.get("crowds") != "many":
                    expected["upstream"] = references.panoptic_upstream(eomt, folder)
            else:
                randomsets.instance_set(rng, folder, **kind)
                expected = {"exact": references.instance(folder), "upstream": references.instance_upstream(folder)}
                if name == "instance-boxes":
                    expected["boundary"] = references.instance_boundary(folder)
            randomsets.write_json(os.path.join(folder, "expected.json"), expected)
            pack(folder, "cocofiles", name)
    with tempfile.TemporaryDirectory() as folder:
        randomsets.semantic_set(np.random.default_rng(100), folder, np.arange(34), np.arange(34), images=8)
        randomsets.write_json(f"{folder}/expected.json", references.cityscapes(folder))
        pack(folder, "labelfiles", "cityscapes")
    with tempfile.TemporaryDirectory() as folder:
        randomsets.semantic_set(np.random.default_rng(101), folder, np.arange(151), np.arange(1, 151), images=8)
        expected = references.semantic_upstream(folder, list(range(1, 151)))  # the same rule as ADE20K's
        for name in os.listdir(f"{folder}/gt"):
            os.rename(f"{folder}/gt/{name}", f"{folder}/gt/{name.replace('_gtFine_labelIds', '')}")
        randomsets.write_json(f"{folder}/expected.json", expected)
        pack(folder, "labelfiles", "ade20k")


main(*sys.argv[1:])
