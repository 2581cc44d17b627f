"""Writes eval/postprocess/testdata/golden.json: random logits and the results of the reference's eval_step.

Run by hand from the repository root:

    python scripts/goldens/postprocess.py --eomt DIR

DIR is a checkout of github.com/tue-mps/eomt at 7bd19dd, whose own code runs here: the network is replaced by the
recorded logits and the metrics by a recorder. Packages: torch 2.15.0, numpy 2.4.6, Pillow; seed 7. Arrays are
zlib-compressed, base64.
"""

import argparse
import base64
import json
import pathlib
import sys
import types
import zlib

import numpy as np
import torch
from torch import nn

C, Q, STUFF = 6, 14, [4, 5]
# name, input size, mask grid, original sizes (all h, w)
CASES = [
    ("square", (64, 64), (16, 16), (64, 64)),
    ("wide", (64, 64), (16, 16), (45, 97)),
    ("tall", (64, 64), (16, 16), (131, 50)),
    ("small", (64, 64), (16, 16), (23, 17)),
    ("fits_height", (64, 64), (16, 16), (64, 31)),
    ("oblong_input", (48, 96), (12, 24), (70, 81)),
    ("fine_grid", (32, 32), (32, 32), (50, 40)),
]
SEMANTIC = [
    ("square", 64, (16, 16), (64, 64)),
    ("wide", 64, (16, 16), (45, 97)),
    ("tall", 64, (16, 16), (151, 50)),
    ("small", 64, (16, 16), (23, 17)),
    ("three_windows", 32, (8, 8), (20, 57)),
]


def stub(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module


def reference(folder):
    """The reference's modules, without what it imports for training, logging and metrics."""

    class Module(nn.Module):
        pass

    nothing = type("Nothing", (), {})
    stub("lightning", LightningModule=Module)
    stub("lightning.fabric")
    stub("lightning.fabric.utilities", rank_zero_info=print)
    stub("torchmetrics")
    stub("torchmetrics.classification", MulticlassJaccardIndex=nothing)
    stub("torchmetrics.detection", PanopticQuality=nothing, MeanAveragePrecision=nothing)
    names = ("_prepocess_inputs", "_Color", "_get_color_areas", "_calculate_iou")
    stub("torchmetrics.functional.detection._panoptic_quality_common", **dict.fromkeys(names))
    stub("wandb")
    stub("matplotlib")
    stub("matplotlib.colors")
    stub("matplotlib.lines", Line2D=nothing)
    stub("matplotlib.pyplot")
    stub("torchvision")
    stub("torchvision.transforms")
    stub("torchvision.transforms.v2")
    pad = lambda img, p: nn.functional.pad(img, (p[0], p[2], p[1], p[3]))
    stub("torchvision.transforms.v2.functional", pad=pad)
    stub("training.mask_classification_loss", MaskClassificationLoss=nothing)
    sys.path.insert(0, folder)
    from training.mask_classification_instance import MaskClassificationInstance
    from training.mask_classification_panoptic import MaskClassificationPanoptic
    from training.mask_classification_semantic import MaskClassificationSemantic

    return MaskClassificationPanoptic, MaskClassificationInstance, MaskClassificationSemantic


def make(kind, size, logits, **members):
    """A module of the reference that answers with logits and records its predictions."""
    m = kind.__new__(kind)
    nn.Module.__init__(m)
    m.forward = lambda images: ([logits[0]], [logits[1]])
    m.img_size, m.num_classes, m.device = size, C, "cpu"
    m.mask_thresh, m.overlap_thresh, m.ignore_idx, m.eval_top_k_instances = 0.8, 0.8, 255, 20
    m.stuff_classes = STUFF
    m.recorded = []
    for name in ("update_metrics_panoptic", "update_metrics_instance", "update_metrics_semantic"):
        setattr(m, name, lambda preds, *rest: m.recorded.append(preds))
    for name, value in members.items():
        setattr(m, name, value)
    return m


def blobs(rng, b, grid):
    """Mask logits of regions that mostly divide the image and partly overlap; class logits of which most are sure."""
    coarse = rng.normal(0, 2, (b, Q, 4, 4)).astype("f4")
    owner = rng.integers(0, Q // 2, (b, 1, 4, 4))
    coarse += np.where(owner == np.arange(Q)[None, :, None, None] // 2, 5, -5).astype("f4")
    masks = nn.functional.interpolate(torch.tensor(coarse), grid, mode="bicubic")
    masks += torch.tensor(rng.normal(0, 0.3, masks.shape).astype("f4"))
    classes = rng.normal(0, 1, (b, Q, C + 1)).astype("f4")
    for i in range(b):
        for q in range(Q):
            classes[i, q, rng.integers(0, C + 1)] += rng.choice([2, 6, 9])
    return masks, torch.tensor(classes)


def pack(array, dtype):
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array, dtype).tobytes(), 9)).decode()


def record(size, grid, original, logits, b=1):
    masks = logits[0].permute(0, 2, 3, 1).numpy()
    return {"input": size, "grid": grid, "original": original, "b": b,
            "masks": pack(masks, "<f4"), "class": pack(logits[1].numpy(), "<f4")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--eomt", required=True)
    panoptic, instance, semantic = reference(parser.parse_args().eomt)
    rng = np.random.default_rng(7)
    torch.set_grad_enabled(False)

    def thing_case(name, size, grid, original, logits):
        image = torch.zeros((3, *original), dtype=torch.uint8)
        target = {"masks": torch.zeros((1, *original), dtype=torch.bool), "labels": torch.zeros(1, dtype=torch.long),
                  "is_crowd": torch.zeros(1, dtype=torch.bool)}
        case = {"name": name, **record(size, grid, original, logits)}
        m = make(panoptic, size, logits)
        m.eval_step(([image], [target]))
        pred = m.recorded[0][0].numpy()
        case["panoptic_class"], case["panoptic_segment"] = pack(pred[..., 0], "<i2"), pack(pred[..., 1], "<i2")
        m = make(instance, size, (logits[0].clone(), logits[1]))
        m.eval_step(([image], [target]))
        found = m.recorded[0][0]
        case["labels"], case["scores"] = found["labels"].tolist(), found["scores"].tolist()
        case["instance_masks"] = pack(np.packbits(found["masks"].numpy().reshape(len(case["labels"]), -1), axis=1), "u1")
        return case

    cases = [thing_case(*case, blobs(rng, 1, case[2])) for case in CASES]
    name, size, grid, original = CASES[1]
    unsure = blobs(rng, 1, grid)
    unsure[1][..., C] += 30
    cases.append(thing_case("nothing_kept", size, grid, original, unsure))
    twins = blobs(rng, 1, grid)
    twins[0][:, 1::2], twins[1][:, 1::2] = twins[0][:, ::2].clone(), twins[1][:, ::2].clone()
    cases.append(thing_case("equal_queries", size, grid, original, twins))
    negative = blobs(rng, 1, grid)
    cases.append(thing_case("empty_masks", size, grid, original, (-negative[0].abs() - 1e-3, negative[1])))

    windows = []
    for name, side, grid, original in SEMANTIC:
        image = torch.zeros((3, *original), dtype=torch.uint8)
        target = {"masks": torch.zeros((0, *original), dtype=torch.bool), "labels": torch.zeros(0, dtype=torch.long)}
        n = len(make(semantic, (side, side), None).window_imgs_semantic([image])[0])
        logits = blobs(rng, n, grid)
        m = make(semantic, (side, side), logits)
        m.eval_step(([image], [target]), batch_idx=1)
        scores = m.recorded[0][0].numpy()
        windows.append({"name": name, **record((side, side), grid, original, logits, n),
                        "labels": pack(scores.argmax(0), "u1"), "scores": pack(scores[:, ::7, ::5], "<f4")})

    out = pathlib.Path("eval/postprocess/testdata")
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"classes": C, "queries": Q, "stuff": STUFF, "top_k": 20, "cases": cases, "semantic": windows})
    (out / "golden.json").write_text(text)
    print(len(text), "bytes")


main()
