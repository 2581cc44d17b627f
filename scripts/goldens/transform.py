"""Writes data/transform/testdata with the reference's own code: datasets/transforms.py
and training/lightning_module.py of tue-mps/eomt at 7bd19dd, on torch 2.7.0,
torchvision 0.22.0, Pillow 11.3.0, numpy 2.2.6; seed 1.

Run by hand from the repository root, on a CPU with AVX2:
    python scripts/goldens/transform.py CHECKOUT_OF_EOMT [REALDATA]

torchvision 0.22 uses PyTorch's 8-bit resize only if the capability is called
"AVX2"; later versions also on AVX512 and ARM. Otherwise it goes through floats,
which differ by at most one level. The capability is therefore fixed.
"""

import ast
import base64
import hashlib
import importlib.util
import json
import math
import os
import pathlib
import sys
import types
import zlib

os.environ["ATEN_CPU_CAPABILITY"] = "avx2"

import numpy as np
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F
from torchvision.transforms.v2.functional import pad

OUT = pathlib.Path("data/transform/testdata")
EOMT = pathlib.Path(sys.argv[1])
REAL = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
rng = np.random.default_rng(1)
torch.manual_seed(1)
torch.set_num_threads(1)


def packed(array):
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def pixels(t):
    return t.permute(1, 2, 0).contiguous().numpy()


def write(name, value):
    (OUT / name).write_text(json.dumps(value, indent=0) + "\n")


def picture(w, h):
    y, x = np.mgrid[:h, :w]
    a = np.stack([x * 255 // max(w - 1, 1), y * 255 // max(h - 1, 1), (x * 7 + y * 3) % 256], -1)
    a[(x - w // 2) ** 2 + (y - h // 3) ** 2 < (h // 4) ** 2] = (250, 10, 60)
    return np.clip(a + rng.integers(-30, 31, a.shape), 0, 255).astype(np.uint8)


def resample():
    cases = []
    for w, h, nw, nh in [(37, 53, 64, 48), (37, 53, 19, 11), (64, 48, 128, 96), (64, 48, 32, 24), (64, 48, 65, 47), (64, 48, 9, 50),
                         (200, 150, 21, 13), (1, 7, 5, 9), (7, 1, 3, 3), (3, 3, 40, 40), (90, 60, 1, 1), (50, 40, 50, 30), (50, 40, 30, 40)]:
        a = picture(w, h)
        if (w, nw) == (200, 21):
            a = (rng.integers(0, 2, a.shape) * 255).astype(np.uint8)
        case = {"src": {"w": w, "h": h, "data": packed(a)}, "w": nw, "h": nh}
        case["torch"] = packed(pixels(F.resize(tv_tensors.Image(Image.fromarray(a)), [nh, nw], antialias=True)))
        case["pillow"] = packed(np.asarray(Image.fromarray(a).resize((nw, nh), Image.BILINEAR)))
        cases.append(case)
    nearest = []
    for _ in range(200):
        n, m = (int(v) for v in rng.integers(1, 1300, 2))
        t = torch.arange(n, dtype=torch.float32)[None, None, None]
        index = torch.nn.functional.interpolate(t, size=[1, m], mode="nearest").flatten().to(torch.int32)
        nearest.append({"in": n, "out": m, "sha256": sha(index.numpy())})
    write("resample.json", {"bilinear": cases, "nearest": nearest})


def colors():
    grid = np.stack(np.meshgrid(*[np.arange(256)] * 3, indexing="ij"), -1).reshape(-1, 3)
    # Where the luma is an integer, single precision decides which way it falls.
    tie = grid[(grid @ [2989, 5870, 1140]) % 10000 == 0]
    a = np.concatenate([tie[:: max(1, len(tie) // 300)], rng.integers(0, 256, (700, 3)), rng.integers(0, 256, (24, 1)).repeat(3, 1)])
    a = a[: len(a) // 4 * 4].reshape(4, -1, 3).astype(np.uint8)
    image = tv_tensors.Image(Image.fromarray(a))
    cases = []
    for name, factors in {"brightness": [0.8745, 0.95, 1.0001, 1.1254], "contrast": [0.5, 0.77, 1.003, 1.49], "saturation": [0.5, 0.9, 1.25, 1.5],
                          "hue": [-0.05, -0.0213, -0.001, 0.001, 0.0333, 0.04999]}.items():
        for factor in factors:
            factor = float(np.float32(factor))
            cases.append({"op": name, "factor": factor, "data": packed(pixels(getattr(F, "adjust_" + name)(image, factor)))})
    write("color.json", {"src": {"w": a.shape[1], "h": a.shape[0], "data": packed(a)}, "cases": cases})


class Recorder:
    """Runs the reference's Transforms and records its draws."""

    def __init__(self, size, jitter, scale_range):
        spec = importlib.util.spec_from_file_location("transforms", EOMT / "datasets/transforms.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.reference = module.Transforms(size, jitter, scale_range)
        module.F = types.SimpleNamespace(**{k: getattr(F, k) for k in ("pad", "adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue")})
        for name in ("brightness", "contrast", "saturation", "hue"):
            setattr(module.F, "adjust_" + name, self.noting(name, getattr(F, "adjust_" + name)))
        jitter_of = self.reference.color_jitter
        self.reference.color_jitter = lambda img: (self.reset(), jitter_of(img))[1]
        flip, scale, crop = self.reference.random_horizontal_flip, self.reference.scale_jitter, self.reference.random_crop
        flip_of, scale_of, crop_of = flip.transform, scale.make_params, crop.make_params
        flip.transform = lambda inpt, params: (self.draws.update(flip=True), flip_of(inpt, params))[1]
        crop.make_params = lambda inputs: self.note_crop(crop_of(inputs))
        scale.make_params = lambda inputs: self.note_scale(scale_of, inputs)

    def reset(self):
        self.attempts += 1
        self.draws = {"order": [], "flip": False}

    def noting(self, name, function):
        def call(image, factor):
            self.draws["order"].append(name)
            self.draws[name] = factor
            return function(image, factor)

        return call

    def note_scale(self, make, inputs):
        rand = torch.rand
        lo, hi = self.reference.scale_jitter.scale_range

        def recording(*shape):
            u = rand(*shape)
            self.draws["scale"] = float((lo + u * (hi - lo)).item())
            return u

        torch.rand = recording
        try:
            params = make(inputs)
        finally:
            torch.rand = rand
        self.draws["size"] = list(params["size"])
        return params

    def note_crop(self, params):
        self.draws["top"], self.draws["left"] = params["top"], params["left"]
        return params

    def __call__(self, image, target):
        self.attempts = 0
        return self.reference(image, target)


def targets(n, w, h):
    """Rectangles with holes; the test draws the same ones."""
    out = []
    for m in range(n):
        x, y = int(rng.integers(0, w)), int(rng.integers(0, h))
        out.append({"class": int(rng.integers(0, 133)), "crowd": m % 5 == 4, "x0": x, "y0": y,
                    "x1": int(rng.integers(x, w)) + 1, "y1": int(rng.integers(y, h)) + 1})
    return out


def masks(rects, w, h):
    y, x = np.mgrid[:h, :w]
    return np.stack([(x >= r["x0"]) & (x < r["x1"]) & (y >= r["y0"]) & (y < r["y1"]) & ((3 * x + 5 * y) % 7 != m % 7) for m, r in enumerate(rects)])


def run(recorder, a, rects):
    m = masks(rects, a.shape[1], a.shape[0])
    target = {"masks": tv_tensors.Mask(torch.from_numpy(m)), "labels": torch.tensor([r["class"] for r in rects]),
              "is_crowd": torch.tensor([r["crowd"] for r in rects])}
    image, target = recorder(tv_tensors.Image(Image.fromarray(a)), target)
    return pixels(image), target["masks"].numpy(), target["labels"].tolist()


def train():
    groups = []
    for n, (w, h), size, jitter, scale in [
        (3, (90, 70), (48, 64), False, (0.1, 2.0)), (12, (90, 70), (64, 64), True, (0.1, 2.0)), (40, (70, 90), (64, 64), True, (0.5, 2.0)),
        (70, (61, 47), (32, 32), True, (0.5, 2.0)), (33, (64, 64), (64, 64), True, (0.1, 2.0)), (5, (30, 20), (64, 64), False, (0.1, 2.0)),
    ]:
        a, rects = picture(w, h), targets(n, w, h)
        recorder = Recorder(size, jitter, scale)
        if size[0] != size[1]:
            # The reference divides height by width here; only square crops agree with the paper's text.
            recorder.reference.scale_jitter.target_size = size[::-1]
        group = {"src": {"w": w, "h": h, "data": packed(a)}, "targets": rects, "h": size[0], "w": size[1], "runs": []}
        for _ in range(4):
            image, kept, labels = run(recorder, a, rects)
            group["runs"].append({"draws": recorder.draws, "image": packed(image), "classes": labels, "masks": packed(np.packbits(kept.reshape(len(kept), -1), axis=1))})
        groups.append(group)
    real = []
    if REAL:
        names = sorted((REAL / "coco_instance").rglob("*.jpg"))[::6] + [REAL / "cityscapes_format/leftImg8bit/dummy_000000_000000_leftImg8bit.png", REAL / "edge/gray.jpg"]
        for i, path in enumerate(names):
            a = np.asarray(Image.open(path).convert("RGB"))
            rects = targets(20 + 5 * (i % 4), a.shape[1], a.shape[0])
            recorder = Recorder((640, 640), i % 2 == 1, (0.1, 2.0))
            image, kept, labels = run(recorder, a, rects)
            at = np.linspace(0, 640 * 640 - 1, 9).astype(int)
            real.append({"path": path.relative_to(REAL).as_posix(), "targets": rects, "draws": recorder.draws, "image": sha(image), "classes": labels,
                         "pixels": image.reshape(-1, 3)[at].tolist(), "masks": sha(np.packbits(kept.reshape(len(kept), -1), axis=1))})
    write("train.json", {"groups": groups, "real": real})


def evaluation():
    tree = ast.parse((EOMT / "training/lightning_module.py").read_text())
    wanted = ["scale_img_size_semantic", "window_imgs_semantic", "scale_img_size_instance_panoptic", "resize_and_pad_imgs_instance_panoptic"]
    functions = {n.name: n for c in tree.body if isinstance(c, ast.ClassDef) for n in c.body if isinstance(n, ast.FunctionDef) and n.name in wanted}
    scope = {"math": math, "torch": torch, "np": np, "Image": Image, "pad": pad}
    exec(compile(ast.Module([functions[n] for n in wanted], []), "lightning_module", "exec"), scope)

    class Module:
        pass

    for name in wanted:
        setattr(Module, name, scope[name])
    module = Module()
    fits, windows, plans = [], [], []
    for (w, h), size in [((90, 70), (64, 64)), ((70, 90), (64, 64)), ((33, 61), (64, 64)), ((61, 33), (48, 64)), ((100, 25), (40, 30)), ((64, 64), (64, 64)), ((5, 1), (16, 16))]:
        a = picture(w, h)
        module.img_size = size
        t = torch.from_numpy(a).permute(2, 0, 1)
        out = pixels(module.resize_and_pad_imgs_instance_panoptic([t])[0])
        fits.append({"src": {"w": w, "h": h, "data": packed(a)}, "h": size[0], "w": size[1], "resized": module.scale_img_size_instance_panoptic((h, w)), "data": packed(out)})
        module.img_size = (size[0], size[0])
        crops, origins = module.window_imgs_semantic([t])
        windows.append({"src": {"w": w, "h": h, "data": packed(a)}, "side": size[0], "resized": module.scale_img_size_semantic((h, w)),
                        "starts": [o[1] for o in origins], "data": packed(crops.permute(0, 2, 3, 1).contiguous().numpy())})
    for _ in range(300):
        w, h, side = int(rng.integers(1, 3000)), int(rng.integers(1, 3000)), int(rng.choice([64, 512, 640, 1024, 1280]))
        module.img_size = (side, side)
        plan = {"w": w, "h": h, "side": side, "fit": module.scale_img_size_instance_panoptic((h, w)), "cover": module.scale_img_size_semantic((h, w))}
        if min(plan["fit"]) > 0:
            plans.append(plan)
    write("evaluation.json", {"fits": fits, "windows": windows, "plans": plans})


OUT.mkdir(parents=True, exist_ok=True)
resample()
colors()
train()
evaluation()
