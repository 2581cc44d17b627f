"""Writes model/testdata/ladder/*.safetensors: networks with a Transformer decoder, stage by stage.

Run by hand from the repository root:

    python scripts/goldens/ladder.py

Packages: torch 2.15.0, transformers 5.24.0, safetensors 0.8.0, numpy 2.4.6. Everything is float64. Pixel decoder,
Transformer decoder and the core of deformable attention are those of transformers' Mask2Former. ViT-Adapter has no
reference that can be installed: it is written here from its description alone (arXiv 2205.08534 with the sizes of arXiv
2503.19108), as is the plain ViT with its pyramid. `make parity` runs it with --root DIR --seed N.

Parameters, pixels and directions are values(name, n) of the seed in the metadata, which the test computes too, so that
files hold results only: stage/NAME [B, C, h, w], buffer/NAME, mask_logits.K [B, Q, h, w], class_logits.K [B, Q, C+1], and
gradient/NAME [4], the gradient of a fixed weighted sum of all predictions along four directions. The metadata has the
architecture in the JSON form of a checkpoint's state.json.
"""

import argparse
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import Mask2FormerConfig
from transformers.models.mask2former import modeling_mask2former as m2f

torch.set_default_dtype(torch.float64)
POINTS = 4
DIRECTIONS = 4
# A resized mask logit this close to 0 could change sign with the order of additions.
MARGIN = 1e-9
SEED = 0


def values(name, *shape):
    """Fixed numbers in [-1, 1) for a name: a hash of name, seed and index."""
    h = 2166136261
    for byte in f"{name}#{SEED}".encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    x = (np.arange(math.prod(shape), dtype=np.uint64) * 0x9E3779B1 + h) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x85EBCA6B & 0xFFFFFFFF
    x ^= x >> 13
    x = x * 0xC2B2AE35 & 0xFFFFFFFF
    x ^= x >> 16
    return torch.from_numpy(x.astype(np.float64) / 2**31 - 1).reshape(shape)


class Params(dict):
    """Parameters by this project's names, made when they are first asked for."""

    def get(self, name, *shape):
        if name not in self:
            v = 0.17 * values(name, *shape)
            if name.endswith("weight") and len(shape) == 1:
                v = 1 + v
            if name.endswith("weight") and len(shape) > 1:
                v = v * 2
            if name.endswith("gamma"):
                v = 0.5 + v
            self[name] = v.requires_grad_()
        assert self[name].shape == shape, name
        return self[name]

    def linear(self, name, x, out):
        return F.linear(x, self.get(name + ".weight", out, x.shape[-1]), self.get(name + ".bias", out))

    def norm(self, name, x, eps=1e-6):
        d = x.shape[-1]
        return F.layer_norm(x, (d,), self.get(name + ".weight", d), self.get(name + ".bias", d), eps)


# --- the plain ViT and the pyramid -------------------------------------------------------------------------------


def embed(p, a, pixels):
    d, grid = a["width"], a["grid"]
    x = F.conv2d(pixels, p.get("backbone.patch_embed.proj.weight", d, 3, 16, 16), p.get("backbone.patch_embed.proj.bias", d), stride=16)
    x = x.flatten(2).transpose(1, 2) + p.get("backbone.pos_embed", 1, grid[0] * grid[1], d)
    b = len(pixels)
    prefix = torch.cat([p.get("backbone.cls_token", 1, 1, d), p.get("backbone.reg_token", 1, a["registers"], d)], 1)
    return torch.cat([prefix.expand(b, -1, -1), x], 1)


def block(p, a, i, x):
    name, (b, s, d), heads = f"backbone.blocks.{i}.", x.shape, a["heads"]
    y = p.linear(name + "attn.qkv", p.norm(name + "norm1", x), 3 * d).reshape(b, s, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    y = F.scaled_dot_product_attention(*y).transpose(1, 2).reshape(b, s, d)
    x = x + p.get(name + "ls1.gamma", d) * p.linear(name + "attn.proj", y, d)
    y = p.linear(name + "mlp.fc2", F.gelu(p.linear(name + "mlp.fc1", p.norm(name + "norm2", x), a["hidden"])), d)
    return x + p.get(name + "ls2.gamma", d) * y


def tokens_to_map(x, grid):
    return x.transpose(1, 2).unflatten(2, grid)


def scale_block(p, name, x, reduce=False):
    d = x.shape[1]
    w, bias = p.get(name + "conv1.weight", d, d, 2, 2), p.get(name + "conv1.bias", d)
    x = F.conv2d(x, w, bias, stride=2) if reduce else F.conv_transpose2d(x, w, bias, stride=2)
    x = F.conv2d(F.gelu(x), p.get(name + "conv2.weight", d, 1, 3, 3), padding=1, groups=d)
    return p.norm(name + "norm", x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def pyramid(p, a, x):
    """F4, F8, F16, F32 of the ViT's last map; F4 and F16 for the single scale."""
    f4 = scale_block(p, "upscale.1.", scale_block(p, "upscale.0.", x))
    if a["network"] == "vit_decoder_single_scale":
        return [f4, x]
    return [f4, scale_block(p, "pyramid.f8.0.", x), x, scale_block(p, "pyramid.f32.0.", x, reduce=True)]


# --- ViT-Adapter -------------------------------------------------------------------------------------------------


def references(grids):
    points = []
    for h, w in grids:
        for i in range(h):
            for j in range(w):
                points.append([(j + 0.5) / w, (i + 0.5) / h])
    return torch.tensor(points)


def deformable(p, name, query, ref, feat, grids, heads, width):
    """Multi-scale deformable attention by grid_sample, level by level."""
    b, t, d = query.shape
    levels, e = len(grids), width // heads
    value = p.linear(name + ".value_proj", feat, width).unflatten(2, (heads, e))
    offset = p.linear(name + ".sampling_offsets", query, heads * levels * POINTS * 2).reshape(b, t, heads, levels, POINTS, 2)
    weight = p.linear(name + ".attention_weights", query, heads * levels * POINTS).reshape(b, t, heads, levels * POINTS)
    weight = weight.softmax(-1).reshape(b, t, heads, levels, POINTS)
    out, start = 0, 0
    for l, (h, w) in enumerate(grids):
        maps = value[:, start : start + h * w].permute(0, 2, 3, 1).reshape(b * heads, e, h, w)
        start += h * w
        loc = ref[None, :, None, None] + offset[:, :, :, l] / torch.tensor([w, h])
        loc = loc.transpose(1, 2).reshape(b * heads, t, POINTS, 2)
        sampled = F.grid_sample(maps, 2 * loc - 1, mode="bilinear", padding_mode="zeros", align_corners=False)
        out = out + (sampled.reshape(b, heads, e, t, POINTS) * weight[:, :, :, l].transpose(1, 2)[:, :, None]).sum(-1)
    return p.linear(name + ".output_proj", out.permute(0, 3, 1, 2).reshape(b, t, width), d)


class BatchNorms:
    """BatchNorm with running values by name; next are those after a training step."""

    def __init__(self, p, training):
        self.p, self.training, self.running, self.next = p, training, {}, {}

    def __call__(self, name, x):
        c = x.shape[1]
        mean, var = 0.1 * values(name + ".running_mean", c), 1.3 + 0.5 * values(name + ".running_var", c)
        w, b = self.p.get(name + ".weight", c), self.p.get(name + ".bias", c)
        y = F.batch_norm(x, mean, var, w, b, self.training, momentum=0.1, eps=1e-5)
        self.next[name + ".running_mean"], self.next[name + ".running_var"] = mean, var
        return y


def spatial_prior(p, bn, a, pixels):
    d = a["width"]

    def conv(name, norm, x, out, stride):
        x = F.conv2d(x, p.get(name + ".weight", out, x.shape[1], 3, 3), padding=1, stride=stride)
        return F.relu(bn(norm, x))

    s = "adapter.spm."
    x = conv(s + "stem.0", s + "stem.1", pixels, 64, 2)
    x = conv(s + "stem.3", s + "stem.4", x, 64, 1)
    x = conv(s + "stem.6", s + "stem.7", x, 64, 1)
    c1 = F.max_pool2d(x, 3, stride=2, padding=1)
    c2 = conv(s + "conv2.0", s + "conv2.1", c1, 128, 2)
    c3 = conv(s + "conv3.0", s + "conv3.1", c2, 256, 2)
    c4 = conv(s + "conv4.0", s + "conv4.1", c3, 256, 2)
    maps = []
    for i, c in enumerate([c1, c2, c3, c4]):
        maps.append(F.conv2d(c, p.get(f"{s}fc{i + 1}.weight", d, c.shape[1], 1, 1), p.get(f"{s}fc{i + 1}.bias", d)))
    return maps


def extractor(p, name, a, c, x, grids, grid):
    d = c.shape[2]
    c = c + deformable(p, name + "attn", p.norm(name + "query_norm", c), references(grids), p.norm(name + "feat_norm", x), [grid], a["heads"], d // 2)
    y = p.linear(name + "ffn.fc1", p.norm(name + "ffn_norm", c), d // 4)
    parts, start = [], 0
    w, bias = p.get(name + "ffn.dwconv.dwconv.weight", d // 4, 1, 3, 3), p.get(name + "ffn.dwconv.dwconv.bias", d // 4)
    for h, wd in grids:
        one = tokens_to_map(y[:, start : start + h * wd], (h, wd))
        parts.append(F.conv2d(one, w, bias, padding=1, groups=d // 4).flatten(2).transpose(1, 2))
        start += h * wd
    return c + p.linear(name + "ffn.fc2", F.gelu(torch.cat(parts, 1)), d)


def adapter(p, bn, a, pixels):
    d, grid, heads = a["width"], tuple(a["grid"]), a["heads"]
    grids = [(2 * grid[0], 2 * grid[1]), grid, (grid[0] // 2, grid[1] // 2)]
    prior = spatial_prior(p, bn, a, pixels)
    embedding = p.get("adapter.level_embed", 3, d)
    c = torch.cat([m.flatten(2).transpose(1, 2) + embedding[i] for i, m in enumerate(prior[1:])], 1)
    x, r, outs = embed(p, a, pixels), 1 + a["registers"], []
    for i in range(4):
        name = f"adapter.interactions.{i}."
        prefix, x = x[:, :r], x[:, r:]
        y = deformable(p, name + "injector.attn", p.norm(name + "injector.query_norm", x), references([grid]), p.norm(name + "injector.feat_norm", c), grids, heads, d // 2)
        x = torch.cat([prefix, x + p.get(name + "injector.gamma", d) * y], 1)
        for k in range(a["blocks"] * i // 4, a["blocks"] * (i + 1) // 4):
            x = block(p, a, k, x)
        patches = x[:, r:]
        c = extractor(p, name + "extractor.", a, c, patches, grids, grid)
        if i == 3:
            c = extractor(p, name + "extra_extractors.0.", a, c, patches, grids, grid)
            c = extractor(p, name + "extra_extractors.1.", a, c, patches, grids, grid)
        outs.append(tokens_to_map(patches, grid))
    n2, n3 = grids[0][0] * grids[0][1], grids[1][0] * grids[1][1]
    c2, c3, c4 = (tokens_to_map(m, g) for m, g in zip(torch.split(c, [n2, n3, c.shape[1] - n2 - n3], 1), grids))
    c1 = F.conv_transpose2d(c2, p.get("adapter.up.weight", d, d, 2, 2), p.get("adapter.up.bias", d), stride=2) + prior[0]

    def resized(m, factor):
        return F.interpolate(m, scale_factor=factor, mode="bilinear", align_corners=False)

    maps = [c1 + resized(outs[0], 4), c2 + resized(outs[1], 2), c3 + outs[2], c4 + resized(outs[3], 0.5)]
    return [bn(f"adapter.norm{i + 1}", m) for i, m in enumerate(maps)]


# --- transformers' decoders --------------------------------------------------------------------------------------


def load(module, p, names):
    """Gives each parameter of a module of transformers the values of this project's name for it."""
    state = {}
    for theirs, tensor in module.state_dict().items():
        part, ours = None, names(theirs)
        if isinstance(ours, tuple):
            ours, part = ours
        shape = tuple(tensor.shape) if part is None else (3 * tensor.shape[0], *tensor.shape[1:])
        value = p.get(ours, *shape)
        state[theirs] = value if part is None else value.chunk(3)[part]
    return lambda *args, **kwargs: torch.func.functional_call(module, state, args, kwargs)


def pixel_names(name):
    return "pixel." + name


def decoder_names(name):
    for theirs, ours in {"queries_features.weight": "decoder.queries.features", "queries_embedder.weight": "decoder.queries.positions",
                         "level_embed.weight": "decoder.level_embed"}.items():
        if name == theirs:
            return ours
    if name.startswith("input_projections"):
        return "decoder." + name
    name = name.removeprefix("decoder.")
    for i in range(3):
        name = name.replace(f"mask_predictor.mask_embedder.{i}.0.", f"mask_head.{2 * i}.")
    if name.startswith("mask_head"):
        return name
    name = "decoder." + name.replace("layernorm.", "norm.")
    for theirs, ours in {"cross_attn_layer_norm": "cross_norm", "self_attn_layer_norm": "self_norm", "final_layer_norm": "ffn_norm",
                         "cross_attn.in_proj_": "cross.qkv.", "cross_attn.out_proj": "cross.proj", "self_attn.out_proj": "self.proj"}.items():
        name = name.replace(theirs, ours)
    for i, part in enumerate(["q_proj", "k_proj", "v_proj"]):
        if "self_attn." + part in name:
            return name.replace("self_attn." + part, "self.qkv"), i
    return name


def config(a):
    d = a["decoder_width"]
    return Mask2FormerConfig(feature_size=d, mask_feature_size=d, hidden_dim=d, num_attention_heads=a["decoder_heads"],
                             num_queries=a["queries"], encoder_layers=max(a.get("encoder_layers", 0), 1),
                             encoder_feedforward_dim=a.get("encoder_hidden", 8), decoder_layers=a["decoder_layers"] + 1,
                             dim_feedforward=a["decoder_hidden"], attn_implementation="eager")


def pixel_decoder(p, a, maps, stages):
    module = m2f.Mask2FormerPixelDecoder(config(a), [a["width"]] * 4)
    out = load(module, p, pixel_names)(maps, return_dict=True)
    for stride, m in zip([32, 16, 8], out.multi_scale_features):
        stages[f"pixel.{stride}"] = m
    stages["features"] = out.mask_features
    return list(out.multi_scale_features), out.mask_features


def mask_decoder(p, a, levels, features):
    d = a["decoder_width"]
    module = m2f.Mask2FormerTransformerModule(levels[0].shape[1], config(a))

    def single(name):
        """Three levels that are one: all projections and embeddings are the first."""
        ours = decoder_names(name)
        if a["network"] == "vit_decoder_single_scale" and isinstance(ours, str):
            ours = ours.replace("input_projections.1", "input_projections.0").replace("input_projections.2", "input_projections.0")
        return ours

    if a["network"] == "vit_decoder_single_scale":
        row = p.get("decoder.level_embed", 1, d)
        shared = Params(p)
        shared["decoder.level_embed"] = row.expand(3, d)
        run = load(module, shared, single)
        p.update({k: v for k, v in shared.items() if k not in p})
        levels = levels * 3
    else:
        run = load(module, p, decoder_names)
    out = run(levels, features)
    states = out.intermediate_hidden_states
    classes = [p.linear("class_head", x.transpose(0, 1), a["classes"] + 1) for x in states]
    for m in out.masks_queries_logits[:-1]:
        for level in levels:
            resized = F.interpolate(m, size=level.shape[-2:], mode="bilinear", align_corners=False)
            assert resized.abs().min() > MARGIN, "a mask logit is at 0: take another seed"
    return out.masks_queries_logits, classes


def forward(p, a, pixels, training):
    stages, bn = {}, BatchNorms(p, training)
    if a["network"] == "vit_adapter_mask2former":
        maps = adapter(p, bn, a, pixels)
    else:
        x = embed(p, a, pixels)
        for i in range(a["blocks"]):
            x = block(p, a, i, x)
        x = p.norm("backbone.norm", x)[:, 1 + a["registers"] :]
        maps = pyramid(p, a, tokens_to_map(x, tuple(a["grid"])))
    strides = [4, 16] if len(maps) == 2 else [4, 8, 16, 32]
    for stride, m in zip(strides, maps):
        stages[f"map.{stride}"] = m
    if "encoder_layers" in a:
        levels, features = pixel_decoder(p, a, maps, stages)
    else:
        d = a["decoder_width"]
        features = F.conv2d(maps[0], p.get("mask_projection.weight", d, a["width"], 1, 1), p.get("mask_projection.bias", d))
        levels = maps[:0:-1]
    masks, classes = mask_decoder(p, a, levels, features)
    return stages, bn.next, masks, classes


def directions(gradient, name):
    return torch.stack([(gradient * values(f"{name}.direction.{k}", *gradient.shape)).sum() for k in range(DIRECTIONS)])


def network(folder, name, a, training=True):
    p = Params()
    h, w = 16 * a["grid"][0], 16 * a["grid"][1]
    pixels = 1.7 * values("pixels", 2, 3, h, w)
    stages, running, masks, classes = forward(p, a, pixels, training)
    tensors = {f"stage/{k}": v for k, v in stages.items()} | {f"buffer/{k}": v for k, v in running.items() if training}
    total = 0
    for k, (m, c) in enumerate(zip(masks, classes)):
        tensors |= {f"mask_logits.{k}": m, f"class_logits.{k}": c}
        total = total + (m * values(f"mask_logits.{k}", *m.shape)).sum() / 10 + (c * values(f"class_logits.{k}", *c.shape)).sum()
    if training:
        for key, gradient in zip(p, torch.autograd.grad(total, list(p.values()), allow_unused=True)):
            tensors["gradient/" + key] = torch.zeros(DIRECTIONS) if gradient is None else directions(gradient, key)
    save(folder, name, tensors, a)


def core(folder):
    """The sampling alone, at points inside, on the rim and far outside."""
    grids, b, t, heads, e = [(3, 5), (2, 2)], 2, 6, 2, 4
    n = sum(h * w for h, w in grids)
    value = values("value", b, n, heads, e).requires_grad_()
    loc = 0.5 + values("locations", b, t, heads, len(grids), POINTS, 2) * 0.7
    loc[0, 0] = 3 * loc[0, 0] - 1
    loc[1, 1] = 40.0
    loc[1, 2, :, :, 0] = 0.0
    loc[1, 2, :, :, 1] = 1.0
    loc.requires_grad_()
    weight = values("weights", b, t, heads, len(grids), POINTS).requires_grad_()
    out = m2f.multi_scale_deformable_attention(value, grids, loc, weight)
    gradients = torch.autograd.grad((out * values("out", *out.shape)).sum(), [value, loc, weight])
    names = ["value", "locations", "weights"]
    save(folder, "core", {"value": value, "locations": loc, "weights": weight, "out": out}
         | {"gradient/" + k: g for k, g in zip(names, gradients)}, {"grids": grids})


def save(folder, name, tensors, a):
    tensors = {k: v.detach().contiguous() for k, v in tensors.items()}
    path = folder / f"{name}.safetensors"
    save_file(tensors, path, metadata={"architecture": json.dumps(a), "seed": str(SEED)})
    print(path, path.stat().st_size // 1000, "KB")


def main():
    global SEED
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=".", help="folder laid out as the repository")
    parser.add_argument("--seed", type=int, help="makes other cases than the committed ones")
    arguments = parser.parse_args()
    SEED = 0 if arguments.seed is None else arguments.seed + 1
    folder = pathlib.Path(arguments.root, "model/testdata/ladder")
    folder.mkdir(parents=True, exist_ok=True)
    vit = dict(kind="dinov2", width=32, blocks=4, heads=2, hidden=48, patch=16, grid=[2, 4], registers=2, queries=5, classes=4,
               upscales=2, norm_eps=1e-6, decoder_width=64, decoder_heads=4, decoder_layers=4, decoder_hidden=80)
    pixel = dict(encoder_layers=2, encoder_hidden=96)
    core(folder)
    network(folder, "vit_decoder_single_scale", dict(network="vit_decoder_single_scale", **vit))
    network(folder, "vit_decoder", dict(network="vit_decoder", **vit))
    network(folder, "vit_mask2former", dict(network="vit_mask2former", **vit, **pixel))
    network(folder, "vit_adapter_mask2former", dict(network="vit_adapter_mask2former", **vit, **pixel))
    network(folder, "vit_adapter_mask2former_inference", dict(network="vit_adapter_mask2former", **vit, **pixel), training=False)


if __name__ == "__main__":
    main()
