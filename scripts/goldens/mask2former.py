"""Writes checkpoints/weights/testdata/hf-mask2former: a Mask2Former of transformers and what its decoders predict.

Run by hand from the repository root:

    python scripts/goldens/mask2former.py

Packages: as ladder.py, which computes the ViT and its pyramid here. `make parity` runs it with --root DIR --seed N.

config.json and model.safetensors are a tiny Mask2FormerForUniversalSegmentation with a Swin backbone, as save_pretrained
writes it. network.safetensors is the network vit_mask2former with its decoders: pixels and every parameter that does not
come from the folder (parameter/NAME, projections of the maps included: they have another width), and the predictions
mask_logits.K [B, Q, h, w] and class_logits.K [B, Q, C+1] of transformers' modules in float64. The metadata has the
architecture in the JSON form of a checkpoint's state.json.
"""

import argparse
import json
import pathlib

import ladder
import torch
from safetensors.torch import save_file
from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

ARCHITECTURE = dict(network="vit_mask2former", kind="dinov2", width=8, blocks=1, heads=2, hidden=12, patch=16, grid=[2, 4], registers=1,
                    queries=3, classes=4, upscales=2, norm_eps=1e-6, decoder_width=32, decoder_heads=4, decoder_layers=2,
                    decoder_hidden=16, encoder_layers=1, encoder_hidden=20)


def save_folder(folder, a):
    swin = SwinConfig(image_size=32, patch_size=4, embed_dim=4, depths=[1] * 4, num_heads=[1] * 4, window_size=2, mlp_ratio=1,
                      out_features=["stage1", "stage2", "stage3", "stage4"])
    d = a["decoder_width"]
    model = Mask2FormerForUniversalSegmentation(Mask2FormerConfig(
        backbone_config=swin, feature_size=d, mask_feature_size=d, hidden_dim=d, num_attention_heads=a["decoder_heads"],
        num_queries=a["queries"], encoder_layers=a["encoder_layers"], encoder_feedforward_dim=a["encoder_hidden"],
        decoder_layers=a["decoder_layers"] + 1, dim_feedforward=a["decoder_hidden"],
        id2label=dict(enumerate(["disc", "square", "sky", "ground"]))))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(0.2 * torch.randn_like(p) + (1 if p.ndim == 1 and "norm" in name and name.endswith("weight") else 0))
    model.float().save_pretrained(folder)


class Rounded(ladder.Params):
    """Parameters that float32 holds exactly."""

    def get(self, name, *shape):
        if name not in self:
            self[name] = super().get(name, *shape).detach().float().double()
        return super().get(name, *shape)


def predict(folder, a, pixels):
    """The predictions of the folder's decoders on a ViT, and the parameters beside them."""
    model = Mask2FormerForUniversalSegmentation.from_pretrained(folder, attn_implementation="eager").double().eval()
    pixel, decoder, p = model.model.pixel_level_module.decoder, model.model.transformer_module, Rounded()
    x = ladder.embed(p, a, pixels)
    for i in range(a["blocks"]):
        x = ladder.block(p, a, i, x)
    x = p.norm("backbone.norm", x)[:, 1 + a["registers"] :]
    maps = ladder.pyramid(p, a, ladder.tokens_to_map(x, tuple(a["grid"])))
    for name, owner in [(f"input_projections.{k}", pixel.input_projections[k]) for k in range(3)] + [("adapter_1", pixel.adapter_1)]:
        new = torch.nn.Conv2d(a["width"], a["decoder_width"], 1, bias=owner[0].bias is not None)
        for leaf, value in new.named_parameters():
            value.data = p.get(f"pixel.{name}.0.{leaf}", *value.shape)
        owner[0] = new
    out = pixel(maps, return_dict=True)
    levels = list(out.multi_scale_features)
    states = decoder(levels, out.mask_features)
    for m in states.masks_queries_logits[:-1]:
        for level in levels:
            resized = torch.nn.functional.interpolate(m, size=level.shape[-2:], mode="bilinear", align_corners=False)
            assert resized.abs().min() > ladder.MARGIN, "a mask logit is at 0: take another seed"
    tensors = {f"parameter/{name}": value.float() for name, value in p.items()}
    for k, (m, x) in enumerate(zip(states.masks_queries_logits, states.intermediate_hidden_states)):
        tensors |= {f"mask_logits.{k}": m, f"class_logits.{k}": model.class_predictor(x.transpose(0, 1))}
    return tensors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=".", help="folder laid out as the repository")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    ladder.SEED = arguments.seed
    torch.manual_seed(arguments.seed)
    folder = pathlib.Path(arguments.root, "checkpoints/weights/testdata/hf-mask2former")
    folder.mkdir(parents=True, exist_ok=True)
    a = ARCHITECTURE
    save_folder(folder, a)
    pixels = (1.7 * ladder.values("pixels", 1, 3, 16 * a["grid"][0], 16 * a["grid"][1])).float()
    with torch.no_grad():
        tensors = predict(folder, a, pixels.double()) | {"pixels": pixels}
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "network.safetensors", metadata={"architecture": json.dumps(a)})


if __name__ == "__main__":
    main()
