"""Writes train/testdata/steps-*.safetensors: five training steps of a small EoMT by the reference.

Run by hand from the repository root:

    python scripts/goldens/train.py --eomt DIR

DIR is a checkout of github.com/tue-mps/eomt at 7bd19dd: its network (on a timm ViT), its loss (on
transformers' Mask2Former), its parameter groups, scheduler and annealing run here, in float64, with torch's
AdamW and clipping. What torch.rand returned is recorded, rounded to float32 first, as are the
parameters that training starts from. Packages as in schedule.py, and transformers 5.23.0, scipy 1.17.1,
safetensors 0.8.0, numpy 2.4.6.

- steps-start: param/NAME and, for each step T, T/images [B, H, W, 3], T/planes [B, H, W, 1] (bit m is
  target m), T/classes and T/valid [B, M], T/mask_draws [L, B, Q], and for each prediction K the points
  T/K/cost [B, P, 2], T/K/candidates [B, M, C, 2], T/K/fresh [B, M, F, 2]; rows without a match are 0.
- steps-gradients: of the first step's total, before clipping, by parameter.
- steps-end: the parameters after five steps, and losses [5, 2]: total and gradient norm of each step.
"""

import argparse
import json
import sys
from types import SimpleNamespace

import torch
from safetensors.torch import save_file
from torch import nn

SIZE = dict(kind="dinov2", width=16, blocks=3, heads=2, mlp_hidden=32, query_blocks=2, registers=2, patch=8,
            image_h=24, image_w=32, queries=6, classes=4, norm_epsilon=1e-6)
RECIPE = dict(lr=1e-3, llrd=0.8, llrd_l2_enabled=True, lr_mult=1.0, weight_decay=0.05, poly_power=0.9,
              warmup_steps=[1, 2], attn_mask_annealing_start_steps=[0, 1], attn_mask_annealing_end_steps=[3, 7])
TOTAL, CLIP, POINTS, STEPS, BATCH, PADDED = 10, 0.01, 32, 5, 2, 8
TARGETS = [3, 2]  # of each image; six queries leave some without


def network(generator):
    from models.eomt import EoMT
    from timm.models.vision_transformer import VisionTransformer

    c = SIZE
    encoder = nn.Module()
    encoder.backbone = VisionTransformer(
        img_size=(c["image_h"], c["image_w"]), patch_size=c["patch"], embed_dim=c["width"], depth=c["blocks"],
        num_heads=c["heads"], mlp_ratio=c["mlp_hidden"] / c["width"], init_values=1.0, reg_tokens=c["registers"],
        no_embed_class=True, num_classes=0)
    encoder.pixel_mean = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
    encoder.pixel_std = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
    net = EoMT(encoder, c["classes"], c["queries"], c["query_blocks"])
    for name, p in net.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        fan = p[0].numel() if p.dim() > 1 else 4
        scale = 1.0 if name in ("q.weight", "encoder.backbone.pos_embed") else fan**-0.5
        offset = 1.0 if name.endswith(("norm.weight", "norm1.weight", "norm2.weight", "gamma")) else 0.0
        p.data = (offset + scale * noise).float().double()
    return net


def batch(generator):
    c = SIZE
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
    """Replaces torch.rand by draws that float32 holds, and notes them."""

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
    parser.add_argument("--eomt", required=True, help="checkout of tue-mps/eomt")
    sys.path.insert(0, parser.parse_args().eomt)
    from training.lightning_module import LightningModule
    from training.mask_classification_loss import MaskClassificationLoss

    torch.set_default_dtype(torch.float64)
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    outer = nn.Module()
    outer.network = net = network(generator)
    criterion = MaskClassificationLoss(
        num_points=POINTS, oversample_ratio=3.0, importance_sample_ratio=0.75, mask_coefficient=5.0,
        dice_coefficient=5.0, class_coefficient=2.0, num_labels=SIZE["classes"], no_object_coefficient=0.1)
    fake = SimpleNamespace(network=net, named_parameters=outer.named_parameters, device="cpu", log=lambda *a, **k: None,
                           attn_mask_annealing_enabled=True,
                           trainer=SimpleNamespace(estimated_stepping_batches=TOTAL), **RECIPE)
    fake.mask_annealing = lambda *a: LightningModule.mask_annealing(fake, *a)
    configured = LightningModule.configure_optimizers(fake)
    optimizer, scheduler = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    names = {n: n.removeprefix("encoder.") for n, _ in net.named_parameters()}
    start = {"param/" + names[n]: p.data.float() for n, p in net.named_parameters()}
    gradients, losses = {}, []
    matched, match = [], criterion.matcher.forward

    def recorded_match(*args, **kwargs):
        matched.append(match(*args, **kwargs))
        return matched[-1]

    criterion.matcher.forward = recorded_match
    recorder = Recorder()
    for step in range(STEPS):
        images, targets = batch(generator)
        record_batch(images, targets, start, f"{step}/")
        recorder.draws.clear()
        matched.clear()
        masks, classes = net(images.double() / 255.0)
        draws = iter(list(recorder.draws))
        start[f"{step}/mask_draws"] = torch.stack(
            [next(draws) if p < 1 else torch.zeros(BATCH, SIZE["queries"]) for p in net.attn_mask_probs])
        recorder.draws.clear()
        parts = {}
        for k, (m, c) in enumerate(zip(masks, classes)):
            found = criterion(masks_queries_logits=m, class_queries_logits=c, targets=targets)
            parts |= {f"{key}_{k}": value for key, value in found.items()}
            record_points(recorder.draws, matched[k], start, f"{step}/{k}/")
        total = criterion.loss_total(parts, fake.log)
        optimizer.zero_grad()
        total.backward()
        if step == 0:
            gradients = {names[n]: p.grad.clone() for n, p in net.named_parameters()}
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        scheduler.step()
        fake.global_step = step + 1
        LightningModule.on_train_batch_end(fake, None, None)
        losses.append([total.item(), norm.item()])
        print("step", step, "loss", total.item(), "norm", norm.item(), "next", scheduler.get_last_lr()[:1],
              scheduler.get_last_lr()[-1:], net.attn_mask_probs.tolist())
    for name, t in start.items():
        if t.dtype == torch.float64:
            assert torch.equal(t, t.float().double()), name
            start[name] = t.float()
    end = {"param/" + names[n]: p.data for n, p in net.named_parameters()} | {"losses": torch.tensor(losses)}
    about = {"model": json.dumps({k.replace("_", ""): v for k, v in SIZE.items()}), "seed": "1"}
    for name, tensors in (("start", start), ("gradients", gradients), ("end", end)):
        save_file({n: t.contiguous() for n, t in tensors.items()}, f"train/testdata/steps-{name}.safetensors", about)


main()
