"""Writes train/testdata/schedules.json: the reference's learning rates and mask probabilities.

Run by hand from the repository root:

    python scripts/goldens/schedule.py --eomt DIR

DIR is a checkout of github.com/tue-mps/eomt at 7bd19dd, whose own scheduler, annealing and parameter
groups run here. Packages: torch 2.15.0, lightning 2.6.6, timm 1.0.31, torchmetrics 1.7.1, wandb 0.31.0,
matplotlib 3.11.2 (imported by the reference), PyYAML 6.0.

- curves: for each published configuration, the factor on the base rate of heads and of the backbone and
  the mask probabilities, at steps around every bend. The run's length is the one of which the published
  annealing spans are sixths.
- rates: for each recipe in use, the base rate of every parameter of a small model.
"""

import argparse
import json
import pathlib
import sys
from types import SimpleNamespace

import torch
import yaml
from torch import nn


def run_length(starts, ends):
    """Six times the span that the last query block's probability takes to fall."""
    return 6 * (ends[-1] - starts[-1])


def curve(arguments, module, schedule):
    starts = arguments["attn_mask_annealing_start_steps"]
    ends = arguments["attn_mask_annealing_end_steps"]
    warmup = arguments.get("warmup_steps", [500, 1000])
    total = run_length(starts, ends)
    bends = {0, 1, warmup[0], sum(warmup), total // 2, total, *starts, *ends}
    steps = sorted({s + d for s in bends for d in (-1, 0, 1) if 0 <= s + d < total})
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": 1.0} for _ in "bh"])
    scheduler = schedule(optimizer, 1, warmup, total, 0.9)
    fake = SimpleNamespace(device="cpu", poly_power=0.9,
                           network=SimpleNamespace(attn_mask_probs=torch.ones(len(starts), dtype=torch.float64)))
    points = []
    for step in steps:
        scheduler.last_epoch = step
        backbone, heads = scheduler.get_lr()
        probs = [module.mask_annealing(fake, s, step, e).item() for s, e in zip(starts, ends)]
        points.append({"Step": step, "Backbone": backbone, "Head": heads, "Masks": probs})
    return {"Total": total, "Warmup": warmup, "Starts": starts, "Ends": ends, "Points": points}


def rates(module, recipe):
    """The base rate of each parameter, by the name without its prefix."""
    from models.eomt import EoMT
    from timm.models.vision_transformer import VisionTransformer

    encoder = nn.Module()
    encoder.backbone = VisionTransformer(img_size=16, patch_size=8, embed_dim=8, depth=4, num_heads=2, mlp_ratio=1,
                                         init_values=1.0, reg_tokens=2, no_embed_class=True, num_classes=0)
    outer = nn.Module()
    outer.network = EoMT(encoder, 3, 2, 2)
    fake = SimpleNamespace(network=outer.network, named_parameters=outer.named_parameters, weight_decay=0.05,
                           warmup_steps=[1, 1], poly_power=0.9, trainer=SimpleNamespace(estimated_stepping_batches=10),
                           **recipe)
    groups = module.configure_optimizers(fake)["optimizer"].param_groups
    return {g["name"].removeprefix("network.").removeprefix("encoder."): g["initial_lr"] for g in groups}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--eomt", required=True, help="checkout of tue-mps/eomt")
    root = pathlib.Path(parser.parse_args().eomt)
    sys.path.insert(0, str(root))
    from training.lightning_module import LightningModule
    from training.two_stage_warmup_poly_schedule import TwoStageWarmupPolySchedule

    curves, recipes = {}, {}
    for path in sorted((root / "configs").rglob("*.yaml")):
        name = str(path.relative_to(root / "configs").with_suffix(""))
        arguments = yaml.safe_load(path.read_text())["model"]["init_args"]
        curves[name] = curve(arguments, LightningModule, TwoStageWarmupPolySchedule)
        recipe = {"lr": float(arguments.get("lr", 1e-4)), "llrd": float(arguments.get("llrd", 0.8)),
                  "lr_mult": float(arguments.get("lr_mult", 1)), "llrd_l2_enabled": arguments.get("llrd_l2_enabled", True)}
        recipes[json.dumps(recipe)] = recipe
    out = {"Curves": curves,
           "Rates": [{"Recipe": r, "Rates": rates(LightningModule, r)} for r in recipes.values()]}
    text = json.dumps(out, separators=(",", ":")).replace("{\"Step", "\n{\"Step")  # one step per line
    pathlib.Path("train/testdata/schedules.json").write_text(text + "\n")
    print(len(curves), "configurations,", len(recipes), "recipes,", len(text) // 1000, "KB")


main()
