"""Checks the output of `weights convert` with the libraries that read it, on fresh
random weights.

    python scripts/parity/weights.py [--seeds 2] [--weights BINARY]

A model of each kind is saved by transformers and goes from there to the official
format, to the native one and back to a Hugging Face folder. transformers must load
that folder with no missing, unexpected or mismatched name, every tensor equal bit for
bit, and give the same outputs; torch.load(weights_only=True) must read the official
file, and a module with timm's backbone and the reference's head names must take it
strictly. Packages: requirements.txt.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import timm
import torch
from timm.layers import LayerNorm2d
from torch import nn
from transformers import EomtConfig, EomtDinov3Config, EomtDinov3ForUniversalSegmentation, EomtForUniversalSegmentation
from transformers import logging

from table import Table, progress

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SHARED = dict(image_size=96, num_queries=7, num_labels=5)
SMALL = dict(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, num_blocks=3, **SHARED)
MODELS = {
    "DINOv2 S": (EomtForUniversalSegmentation, EomtConfig(**SMALL)),
    "DINOv2 SwiGLU": (EomtForUniversalSegmentation, EomtConfig(use_swiglu_ffn=True, **SMALL)),
    "DINOv2 S f16": (EomtForUniversalSegmentation, EomtConfig(**SMALL)),
    "DINOv2 S bf16": (EomtForUniversalSegmentation, EomtConfig(**SMALL)),
    "DINOv3 S": (EomtDinov3ForUniversalSegmentation, EomtDinov3Config(intermediate_size=1536, layer_norm_eps=1e-5, **SMALL)),
    "DINOv3 gated": (EomtDinov3ForUniversalSegmentation, EomtDinov3Config(
        intermediate_size=768, use_gated_mlp=True, hidden_act="silu", layer_norm_eps=1e-5, **SMALL)),
}


def build(name, seed):
    torch.manual_seed(seed)
    kind, config = MODELS[name]
    net = kind(config)
    for p in net.parameters():  # what starts as a constant must differ from it
        p.data += 0.1 * torch.randn_like(p)
    return net.to({"bf16": torch.bfloat16, "f16": torch.float16}.get(name.split()[-1], torch.float32)).eval()


class ScaleBlock(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(d, d, 2, 2)
        self.conv2 = nn.Conv2d(d, d, 3, padding=1, groups=d, bias=False)
        self.norm = LayerNorm2d(d)


class Official(nn.Module):
    """The modules of models/eomt.py and models/vit.py, tue-mps/eomt at 7bd19dd, by name."""

    def __init__(self, config):
        super().__init__()
        d = config.hidden_size
        self.encoder = nn.Module()
        self.encoder.backbone = timm.create_model(
            "vit_small_patch14_reg4_dinov2", img_size=config.image_size, patch_size=16, num_classes=0)
        self.encoder.register_buffer("pixel_mean", torch.zeros(1, 3, 1, 1))
        self.encoder.register_buffer("pixel_std", torch.zeros(1, 3, 1, 1))
        self.register_buffer("attn_mask_probs", torch.ones(config.num_blocks))
        self.q = nn.Embedding(config.num_queries, d)
        self.class_head = nn.Linear(d, config.num_labels + 1)
        self.mask_head = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.Linear(d, d), nn.GELU(), nn.Linear(d, d))
        self.upscale = nn.Sequential(*[ScaleBlock(d) for _ in range(config.num_upscale_blocks)])


def strictly(config, tensors):
    """Fails unless an official module takes the tensors, none missing or left over."""
    network = {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    Official(config).load_state_dict(network, strict=True)


@torch.no_grad()
def check(table, binary, name, seed, folder):
    net = build(name, seed)
    start, bin_, native, end = (str(folder / n) for n in ("start", "official.bin", "native", "end"))
    net.save_pretrained(start)
    path = [("official", start, bin_), ("native", bin_, native), ("hf", native, end)]
    if name == "DINOv3 gated":  # its heads have an activation that the official modules do not
        path = [("native", start, native), ("hf", native, end)]
    elif "DINOv3" in name:  # its official files do not tell the image size
        path[1] = ("native", start, native)
    for format, source, target in path:
        subprocess.run([binary, "convert", "-in", source, "-out", target, "-format", format], check=True, capture_output=True)
    again, info = type(net).from_pretrained(end, output_loading_info=True, dtype=net.dtype)
    problems = [f"{k}: {sorted(v)}" for k, v in info.items() if v]
    want, got = net.state_dict(), again.eval().state_dict()
    if want.keys() != got.keys():
        problems.append(f"names {sorted(want.keys() ^ got.keys())}")
    problems += [k for k in want if k in got and not torch.equal(want[k], got[k])]
    image = torch.randn(2, 3, 96, 96, dtype=net.dtype)
    a, b = net(image), again(image)
    difference = max((a.masks_queries_logits - b.masks_queries_logits).abs().max().item(),
                     (a.class_queries_logits - b.class_queries_logits).abs().max().item())
    table.add("weights converted to every format and back, names and tensors as from_pretrained has them", "transformers",
              len(problems), 0.0, 0, on=name, kind="absolute")
    table.add("logits of transformers' model on the weights read back", "transformers", difference,
              difference / a.masks_queries_logits.std().item(), 0, on=name)
    if name == "DINOv2 S":
        strictly(net.config, torch.load(bin_, weights_only=True))
        table.add("official file read by torch.load, all names taken strictly", "timm and the reference's modules", 0.0, 0.0, 0, on=name)
    for problem in problems:
        progress(f"{name}, seed {seed}: {problem}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--weights", help="the built command; otherwise it is built")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    table = Table()
    with tempfile.TemporaryDirectory() as temporary:
        binary = arguments.weights
        if not binary:
            binary = str(pathlib.Path(temporary) / "weights")
            subprocess.run(["go", "build", "-o", binary, "./cmd/weights"], cwd=REPOSITORY, check=True)
        for name in MODELS:
            progress(f"weights converted and read back: {name}")
            for seed in range(arguments.seeds):
                with tempfile.TemporaryDirectory(dir=temporary) as folder:
                    check(table, binary, name, seed, pathlib.Path(folder))
    sys.exit(table.finish())


if __name__ == "__main__":
    main()
