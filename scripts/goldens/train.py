"""Writes train/testdata/steps-*.safetensors: five training steps of a small EoMT by the reference.

Run by hand from the repository root:

    python scripts/goldens/train.py --eomt DIR

DIR is a checkout of github.com/tue-mps/eomt at 7bd19dd: its network (on a timm ViT), its loss (on
transformers' Mask2Former), its parameter groups, scheduler and annealing run here, in float64, with torch's
AdamW and clipping. What torch.rand returned is recorded, rounded to float32 first, as are the
parameters that training starts from. Packages as in schedule.py, and transformers 5.23.0, scipy 1.17.1,
safetensors 0.8.0, numpy 2.4.6.

`make parity` runs it with --root ROOT --seed N and without a checkout: then network, masked attention and
loss are transformers' EomtForUniversalSegmentation, which has no recipe; rates, schedule and annealing
are the formulas below (schedule.py holds ours against the reference implementation's).

- steps-start: param/NAME and, for each step T, T/images [B, H, W, 3], T/planes [B, H, W, 1] (bit m is
  target m), T/classes and T/valid [B, M], T/mask_draws [L, B, Q], and for each prediction K the points
  T/K/cost [B, P, 2], T/K/candidates [B, M, C, 2], T/K/fresh [B, M, F, 2]; rows without a match are 0.
- steps-gradients: of the first step's total, before clipping, by parameter.
- steps-end: the parameters after five steps, and losses [5, 2]: total and gradient norm of each step.
"""

import argparse
import json
import pathlib
import re
import sys
from types import SimpleNamespace

import torch
from safetensors.torch import save_file
from torch import nn

from model import from_hf

SIZE = dict(kind="dinov2", width=16, blocks=3, heads=2, mlp_hidden=32, query_blocks=2, registers=2, patch=8,
            image_h=24, image_w=32, queries=6, classes=4, norm_epsilon=1e-6)
RECIPE = dict(lr=1e-3, llrd=0.8, llrd_l2_enabled=True, lr_mult=1.0, weight_decay=0.05, poly_power=0.9,
              warmup_steps=[1, 2], attn_mask_annealing_start_steps=[0, 1], attn_mask_annealing_end_steps=[3, 7])
TOTAL, CLIP, POINTS, STEPS, BATCH, PADDED = 10, 0.01, 32, 5, 2, 8
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
TARGETS = [3, 2]  # of each image; six queries leave some without


def randomize(parameters, generator):
    """Values that float32 represents and that make every parameter matter."""
    for name, p in parameters:
        noise = torch.randn(p.shape, generator=generator)
        fan = p[0].numel() if p.dim() > 1 else 4
        alone = ("q.weight", "query.weight", "encoder.backbone.pos_embed", "embeddings.position_embeddings.weight")
        gain = ("norm.weight", "norm1.weight", "norm2.weight", "norm2d.weight", "gamma", "lambda1")
        p.data = (float(name.endswith(gain)) + (1.0 if name in alone else fan**-0.5) * noise).float().double()


class Official:
    """Training by the reference implementation."""

    name, size = "tue-mps/eomt", SIZE

    def __init__(self, checkout, generator):
        sys.path.insert(0, checkout)
        from models.eomt import EoMT
        from timm.models.vision_transformer import VisionTransformer
        from training.lightning_module import LightningModule
        from training.mask_classification_loss import MaskClassificationLoss

        c = self.size
        encoder = nn.Module()
        encoder.backbone = VisionTransformer(
            img_size=(c["image_h"], c["image_w"]), patch_size=c["patch"], embed_dim=c["width"], depth=c["blocks"],
            num_heads=c["heads"], mlp_ratio=c["mlp_hidden"] / c["width"], init_values=1.0, reg_tokens=c["registers"],
            no_embed_class=True, num_classes=0)
        encoder.pixel_mean = torch.tensor(MEAN).reshape(1, 3, 1, 1)
        encoder.pixel_std = torch.tensor(STD).reshape(1, 3, 1, 1)
        outer = nn.Module()
        outer.network = self.net = EoMT(encoder, c["classes"], c["queries"], c["query_blocks"])
        randomize(self.net.named_parameters(), generator)
        self.criterion = MaskClassificationLoss(
            num_points=POINTS, oversample_ratio=3.0, importance_sample_ratio=0.75, mask_coefficient=5.0,
            dice_coefficient=5.0, class_coefficient=2.0, num_labels=c["classes"], no_object_coefficient=0.1)
        self.fake = SimpleNamespace(
            network=self.net, named_parameters=outer.named_parameters, device="cpu", log=lambda *a, **k: None,
            attn_mask_annealing_enabled=True, trainer=SimpleNamespace(estimated_stepping_batches=TOTAL), **RECIPE)
        self.fake.mask_annealing = lambda *a: LightningModule.mask_annealing(self.fake, *a)
        self.after = lambda: LightningModule.on_train_batch_end(self.fake, None, None)
        configured = LightningModule.configure_optimizers(self.fake)
        self.optimizer, self.scheduler = configured["optimizer"], configured["lr_scheduler"]["scheduler"]

    def loss(self, images, targets):
        masks, classes = self.net(images.double() / 255.0)
        parts = {}
        for k, (m, c) in enumerate(zip(masks, classes)):
            found = self.criterion(masks_queries_logits=m, class_queries_logits=c, targets=targets)
            parts |= {f"{key}_{k}": value for key, value in found.items()}
        return self.criterion.loss_total(parts, self.fake.log)

    def ours(self, of):
        """What `of` gives for each parameter, by this project's names."""
        return {n.removeprefix("encoder."): of(p) for n, p in self.net.named_parameters()}

    def finished(self, steps):
        self.fake.global_step = steps
        self.after()


def attend(module, query, key, value, attention_mask, scaling=None, **_):
    """Attention in the precision of its inputs; transformers' own ways have float32 in them."""
    weights = query @ key.transpose(2, 3) * scaling
    if attention_mask is not None:
        weights = weights + attention_mask.to(weights)
    return (weights.softmax(-1) @ value).transpose(1, 2).contiguous(), None


class Transformers:
    """Training of transformers' model by the published recipe."""

    name, size = "transformers, torch", SIZE | dict(image_h=32, image_w=32)

    def __init__(self, generator):
        from transformers import AttentionInterface, EomtConfig, EomtForUniversalSegmentation

        AttentionInterface.register("precise", attend)
        c = self.size
        self.net = EomtForUniversalSegmentation(EomtConfig(
            hidden_size=c["width"], num_hidden_layers=c["blocks"], num_attention_heads=c["heads"], patch_size=c["patch"],
            mlp_ratio=c["mlp_hidden"] // c["width"], image_size=c["image_h"], num_blocks=c["query_blocks"],
            num_queries=c["queries"], num_labels=c["classes"], num_register_tokens=c["registers"], num_upscale_blocks=1,
            layer_norm_eps=c["norm_epsilon"], train_num_points=POINTS, attn_implementation="precise")).train()
        randomize(self.net.named_parameters(), generator)
        self.criterion = self.net.criterion
        groups = [dict(params=[p], lr=self.rate(n), name=n) for n, p in self.net.named_parameters()]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=RECIPE["weight_decay"])
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, [self.schedule(self.is_backbone(g["name"])) for g in groups])

    @staticmethod
    def is_backbone(name):
        return name.startswith(("embeddings.", "layers.", "layernorm."))

    def rate(self, name):
        """Layer-wise decay: a block's by its distance from the last one; the embeddings have the first block's."""
        block = re.match(r"layers\.(\d+)\.", name)
        if block or name.startswith("embeddings."):
            return RECIPE["lr"] * RECIPE["llrd"] ** (self.size["blocks"] - 1 - int(block[1] if block else 0))
        return RECIPE["lr"]

    @staticmethod
    def schedule(backbone):
        first, second = RECIPE["warmup_steps"]
        rest, span = (first, second) if backbone else (0, first)

        def factor(step):
            if step < rest + span:
                return max(0, step - rest) / span
            return (1 - (step - rest - span) / (TOTAL - rest - span)) ** RECIPE["poly_power"]

        return factor

    def loss(self, images, targets):
        pixels = (images.double() / 255.0 - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(3, 1, 1)
        return self.net(pixels, mask_labels=[t["masks"].double() for t in targets], class_labels=[t["labels"] for t in targets]).loss

    def ours(self, of):
        return from_hf({n: of(p) for n, p in self.net.named_parameters()})

    def finished(self, steps):
        spans = zip(RECIPE["attn_mask_annealing_start_steps"], RECIPE["attn_mask_annealing_end_steps"])
        for block, (start, end) in enumerate(spans):
            progress = min(max((steps - start) / (end - start), 0), 1)
            self.net.attn_mask_probs[block] = (1 - progress) ** RECIPE["poly_power"]


def batch(c, generator):
    images = torch.randint(0, 256, (BATCH, 3, c["image_h"], c["image_w"]), generator=generator, dtype=torch.uint8)
    targets = []
    for n in TARGETS:
        masks = torch.zeros(n, c["image_h"], c["image_w"], dtype=torch.bool)
        for m in masks:  # rectangles, which may overlap
            y, x = (int(torch.randint(0, s // 2, (1,), generator=generator)) for s in (c["image_h"], c["image_w"]))
            h, w = (int(torch.randint(4, s // 2, (1,), generator=generator)) for s in (c["image_h"], c["image_w"]))
            m[y : y + h, x : x + w] = True
        targets.append({"masks": masks, "labels": torch.randint(0, c["classes"], (n,), generator=generator)})
    return images, targets


class Recorder:
    """Replaces torch.rand by draws that float32 represents, and records them."""

    def __init__(self):
        self.draws, self.rand = [], torch.rand
        torch.rand = self

    def __call__(self, *args, **kwargs):
        self.draws.append(self.rand(*args, **{**kwargs, "dtype": torch.float32}).double())
        return self.draws[-1]


def record_points(draws, indices, out, prefix):
    """Takes one prediction's draws: one of cost points for each image, candidates, fresh points."""
    out[prefix + "cost"] = torch.cat([draws.pop(0) for _ in range(BATCH)])
    for name in ("candidates", "fresh"):
        drawn, pair = draws.pop(0), 0
        out[prefix + name] = torch.zeros(BATCH, PADDED, *drawn.shape[1:])
        for image, (_, targets) in enumerate(indices):  # pairs are in this order
            for target in targets:
                out[prefix + name][image, target] = drawn[pair]
                pair += 1


def record_batch(images, targets, out, prefix):
    out[prefix + "images"] = images.permute(0, 2, 3, 1).contiguous()
    planes = torch.zeros(BATCH, *images.shape[2:], 1, dtype=torch.int64)
    classes, valid = torch.zeros(BATCH, PADDED, dtype=torch.int32), torch.zeros(BATCH, PADDED, dtype=torch.bool)
    for image, t in enumerate(targets):
        for m, mask in enumerate(t["masks"]):
            planes[image, :, :, 0] |= mask.long() << m
        n = len(t["labels"])
        classes[image, :n], valid[image, :n] = t["labels"].int(), True
    out[prefix + "planes"], out[prefix + "classes"], out[prefix + "valid"] = planes.to(torch.uint32), classes, valid


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--eomt", help="checkout of tue-mps/eomt")
    parser.add_argument("--root", default=".", help="folder laid out as the repository")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    generator = torch.Generator().manual_seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    training = Official(arguments.eomt, generator) if arguments.eomt else Transformers(generator)
    net, optimizer = training.net, training.optimizer
    start = {"param/" + n: p.float() for n, p in training.ours(lambda p: p.data).items()}
    gradients, losses = {}, []
    matched, match = [], training.criterion.matcher.forward

    def recorded_match(*args, **kwargs):
        matched.append(match(*args, **kwargs))
        return matched[-1]

    training.criterion.matcher.forward = recorded_match
    recorder = Recorder()
    for step in range(STEPS):
        images, targets = batch(training.size, generator)
        record_batch(images, targets, start, f"{step}/")
        recorder.draws.clear()
        matched.clear()
        probs = net.attn_mask_probs.tolist()
        total = training.loss(images, targets)
        draws = recorder.draws
        start[f"{step}/mask_draws"] = torch.stack(
            [draws.pop(0) if p < 1 else torch.zeros(BATCH, SIZE["queries"]) for p in probs])
        for k, indices in enumerate(matched):
            record_points(draws, indices, start, f"{step}/{k}/")
        optimizer.zero_grad()
        total.backward()
        if step == 0:
            gradients = training.ours(lambda p: p.grad.clone())
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        training.scheduler.step()
        training.finished(step + 1)
        losses.append([total.item(), norm.item()])
        rates = training.scheduler.get_last_lr()
        print("step", step, "loss", total.item(), "norm", norm.item(), "next", rates[0], rates[-1], net.attn_mask_probs.tolist())
    for name, t in start.items():
        if t.dtype == torch.float64:
            assert torch.equal(t, t.float().double()), name
            start[name] = t.float()
    end = {"param/" + n: p for n, p in training.ours(lambda p: p.data).items()} | {"losses": torch.tensor(losses)}
    about = {"model": json.dumps({k.replace("_", ""): v for k, v in training.size.items()}), "seed": str(arguments.seed),
             "reference": training.name}
    folder = pathlib.Path(arguments.root, "train/testdata")
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in (("start", start), ("gradients", gradients), ("end", end)):
        save_file({n: t.contiguous() for n, t in tensors.items()}, folder / f"steps-{name}.safetensors", about)


main()
