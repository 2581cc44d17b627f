"""Writes the test data of checkpoints/: small files of random weights in every
format that is read, made by the libraries that define the formats, and the expected
tensors under this project's names.

    python scripts/goldens/weights.py        # from the repository root

torch 2.15.0, timm 1.0.31, transformers 5.23.0, safetensors 0.8.0, numpy 2.4.6;
seed 1. `make parity` runs it with --root DIR --seed N. For NAME.pth, NAME.safetensors or the folder NAME the expected tensors
are in NAME.expected.safetensors.
"""

import argparse
import os
import shutil
import warnings
from collections import OrderedDict
from functools import partial

import timm
import torch
import transformers
from safetensors.torch import save_file
from timm.layers import LayerNorm2d, SwiGLUPacked
from timm.layers import resample_abs_pos_embed, resample_patch_embed
from timm.layers.patch_embed import _apply_resampling, _compute_resize_matrix
from timm.models.eva import Eva
from timm.models.eva import checkpoint_filter_fn as eva_filter
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer import checkpoint_filter_fn as vit_filter
from torch import nn

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
parser = argparse.ArgumentParser()
parser.add_argument("--root", default=".", help="folder laid out as the repository")
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
CHECKPOINTS = arguments.root + "/checkpoints/"
ROOT = CHECKPOINTS + "weights/testdata/"
D, BLOCKS, HEADS, QUERIES, CLASSES = 16, 2, 2, 3, 4


def randomize(module):
    """Every parameter differs from every other, also those that start constant."""
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn_like(p) * 0.5)
    return module


def whole(tensors):
    return {k: v.detach().clone().contiguous() for k, v in tensors.items()}


def expect(name, tensors):
    save_file(whole(tensors), ROOT + name + ".expected.safetensors")


def backbone(tensors):
    return {"backbone." + k: v for k, v in tensors.items()}


# --- DINOv2: Meta's .pth and timm ------------------------------------------


def vit(swiglu=False, registers=4, width=D, heads=HEADS, blocks=BLOCKS, patch=14, image=70, ratio=2):
    mlp = dict(mlp_ratio=ratio * 2, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU) if swiglu else dict(mlp_ratio=ratio)
    return randomize(VisionTransformer(
        img_size=image, patch_size=patch, embed_dim=width, depth=blocks, num_heads=heads, num_classes=0,
        init_values=1e-5, reg_tokens=registers, no_embed_class=registers > 0, global_pool="token", **mlp))


def meta_names(model):
    """A timm state dict in the names of facebookresearch/dinov2, with a cls row of its own."""
    out = OrderedDict()
    width = model.embed_dim
    for k, v in model.state_dict().items():
        if "GluMlp" in type(model.blocks[0].mlp).__name__:
            k = k.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3")
        out[k.replace("reg_token", "register_tokens")] = v
    if "register_tokens" in out:
        out["pos_embed"] = torch.cat([torch.randn(1, 1, width), out["pos_embed"]], 1)
    out["mask_token"] = torch.randn(1, width)
    return out


def folded(tensors):
    """timm keeps the cls row in pos_embed where there are no registers."""
    tensors = dict(tensors)
    tensors["cls_token"] = tensors["cls_token"] + tensors["pos_embed"][:, :1]
    tensors["pos_embed"] = tensors["pos_embed"][:, 1:]
    return tensors


def dinov2():
    for name, model in (("dinov2-reg", vit()), ("dinov2-swiglu", vit(swiglu=True)), ("dinov2-noreg", vit(registers=0))):
        official = meta_names(model)
        torch.save(official, ROOT + name + ".pth")
        converted = vit_filter(OrderedDict(official), model)
        expect(name, backbone(converted if "reg_token" in converted else folded(converted)))
    for name, model in (("timm-reg", vit()), ("timm-swiglu", vit(swiglu=True)), ("timm-noreg", vit(registers=0))):
        save_file(whole(model.state_dict()), ROOT + name + ".safetensors")
        expect(name, backbone(model.state_dict() if model.reg_token is not None else folded(model.state_dict())))


# --- DINOv3: timm's Eva and Meta's .pth -------------------------------------


def eva(gated, bias):
    return randomize(Eva(
        img_size=64, patch_size=16, embed_dim=D, depth=BLOCKS, num_heads=HEADS, num_classes=0, init_values=1e-5,
        qkv_bias=bias, rope_type="dinov3", use_abs_pos_emb=False, use_rot_pos_emb=True, num_reg_tokens=4,
        no_embed_class=True, use_fc_norm=False, global_pool="token", mlp_ratio=2,
        norm_layer=partial(nn.LayerNorm, eps=1e-5),
        **(dict(swiglu_mlp=True, swiglu_align_to=8) if gated else {})))


def eva_expected(tensors):
    out = {}
    for k, v in tensors.items():
        k = k.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
        if k.endswith("q_bias") or k.endswith("v_bias") or "mlp.fc1_" in k:
            continue
        out[k] = v
    for i in range(BLOCKS):
        block = f"blocks.{i}."
        zero = torch.zeros(D)
        out[block + "attn.qkv.bias"] = torch.cat(
            [tensors.get(block + "attn.q_bias", zero), zero, tensors.get(block + "attn.v_bias", zero)])
        for leaf in ("weight", "bias"):
            if block + "mlp.fc1_g." + leaf in tensors:
                out[block + "mlp.fc1." + leaf] = torch.cat(
                    [tensors[block + "mlp.fc1_g." + leaf], tensors[block + "mlp.fc1_x." + leaf]])
    return backbone(out)


def dinov3():
    for name, model in (("timm-dinov3", eva(False, False)), ("timm-dinov3-qkvb", eva(False, True)),
                        ("timm-dinov3-gated", eva(True, True))):
        save_file(whole(model.state_dict()), ROOT + name + ".safetensors")
        expect(name, eva_expected(model.state_dict()))
    model = eva(False, True)
    meta = OrderedDict()
    for k, v in model.state_dict().items():
        if k.endswith("v_bias"):
            continue
        if k.endswith("q_bias"):
            stem = k.removesuffix("q_bias")
            # The key's part is masked: Meta's files may hold anything there.
            meta[stem + "qkv.bias"] = torch.cat([v, torch.randn(D), model.state_dict()[stem + "v_bias"]])
            meta[stem + "qkv.bias_mask"] = torch.cat([torch.ones(D), torch.zeros(D), torch.ones(D)])
            continue
        k = k.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma").replace("reg_token", "storage_tokens")
        meta[k] = v
    meta["mask_token"] = torch.randn(1, D)
    meta["rope_embed.periods"] = torch.rand(2)
    torch.save(meta, ROOT + "dinov3.pth")
    expect("dinov3", eva_expected(eva_filter(OrderedDict(meta), model)))


# --- transformers -----------------------------------------------------------


def attention(tensors, stem, key_bias=True):
    """query, key and value as transformers 5 has them in memory, joined."""
    out = {"weight": torch.cat([tensors[f"{stem}.{p}_proj.weight"] for p in "qkv"])}
    zero = torch.zeros(D)
    out["bias"] = torch.cat([tensors[f"{stem}.q_proj.bias"],
                             tensors[f"{stem}.k_proj.bias"] if key_bias else zero,
                             tensors[f"{stem}.v_proj.bias"]])
    return out


def hf_blocks(tensors, prefix, projection, key_bias=True):
    out = {}
    for i in range(BLOCKS):
        theirs, ours = f"{prefix}{i}.", f"backbone.blocks.{i}."
        for leaf, v in attention(tensors, theirs + "attention", key_bias).items():
            out[ours + "attn.qkv." + leaf] = v
        out[ours + "ls1.gamma"] = tensors[theirs + "layer_scale1.lambda1"]
        out[ours + "ls2.gamma"] = tensors[theirs + "layer_scale2.lambda1"]
        for leaf in ("weight", "bias"):
            get = lambda n: tensors[theirs + n + "." + leaf]
            out[ours + "norm1." + leaf] = get("norm1")
            out[ours + "norm2." + leaf] = get("norm2")
            out[ours + "attn.proj." + leaf] = get("attention." + projection)
            if theirs + "mlp.gate_proj." + leaf in tensors:
                out[ours + "mlp.fc1." + leaf] = torch.cat([get("mlp.gate_proj"), get("mlp.up_proj")])
                out[ours + "mlp.fc2." + leaf] = get("mlp.down_proj")
            elif theirs + "mlp.up_proj." + leaf in tensors:
                out[ours + "mlp.fc1." + leaf] = get("mlp.up_proj")
                out[ours + "mlp.fc2." + leaf] = get("mlp.down_proj")
            else:
                out[ours + "mlp.fc1." + leaf] = get("mlp.fc1")
                out[ours + "mlp.fc2." + leaf] = get("mlp.fc2")
    return out


def hf_embeddings(tensors, norm):
    out = {"backbone.cls_token": tensors["embeddings.cls_token"]}
    if "embeddings.register_tokens" in tensors:
        out["backbone.reg_token"] = tensors["embeddings.register_tokens"]
    for leaf in ("weight", "bias"):
        projection = "embeddings.patch_embeddings.projection." + leaf
        out["backbone.patch_embed.proj." + leaf] = tensors.get(
            projection, tensors.get("embeddings.patch_embeddings." + leaf))
        out["backbone.norm." + leaf] = tensors[norm + "." + leaf]
    return out


def hf_heads(tensors):
    out = {"q.weight": tensors["query.weight"]}
    for leaf in ("weight", "bias"):
        out["class_head." + leaf] = tensors["class_predictor." + leaf]
        for ours, theirs in ((0, 1), (2, 2), (4, 3)):
            out[f"mask_head.{ours}.{leaf}"] = tensors[f"mask_head.fc{theirs}.{leaf}"]
        for i in range(2):
            out[f"upscale.{i}.conv1.{leaf}"] = tensors[f"upscale_block.block.{i}.conv1.{leaf}"]
            out[f"upscale.{i}.norm.{leaf}"] = tensors[f"upscale_block.block.{i}.layernorm2d.{leaf}"]
    for i in range(2):
        out[f"upscale.{i}.conv2.weight"] = tensors[f"upscale_block.block.{i}.conv2.weight"]
    return out


def save_folder(model, name, **options):
    shutil.rmtree(ROOT + name, ignore_errors=True)
    model.save_pretrained(ROOT + name, **options)


def hf_backbones():
    shared = dict(hidden_size=D, num_hidden_layers=BLOCKS, num_attention_heads=HEADS)
    cases = (
        ("hf-dinov2-reg", transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(
            image_size=70, patch_size=14, mlp_ratio=2, **shared))),
        ("hf-dinov2-swiglu", transformers.Dinov2Model(transformers.Dinov2Config(
            image_size=70, patch_size=14, mlp_ratio=3, use_swiglu_ffn=True, **shared))),
    )
    for name, model in cases:
        randomize(model)
        save_folder(model, name)
        tensors = model.state_dict()
        out = hf_blocks(tensors, "encoder.layer.", "o_proj") | hf_embeddings(tensors, "layernorm")
        position = tensors["embeddings.position_embeddings"]
        out["backbone.cls_token"] = out["backbone.cls_token"] + position[:, :1]
        out["backbone.pos_embed"] = position[:, 1:]
        expect(name, out)
    model = randomize(transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(
        image_size=64, patch_size=16, intermediate_size=32, num_register_tokens=4, **shared)))
    save_folder(model, "hf-dinov3")
    tensors = model.state_dict()
    expect("hf-dinov3", hf_blocks(tensors, "model.layer.", "o_proj", key_bias=False) | hf_embeddings(tensors, "norm"))
    return model


def hf_eomt():
    shared = dict(hidden_size=D, num_hidden_layers=BLOCKS, num_attention_heads=HEADS, image_size=64, patch_size=16,
                  num_queries=QUERIES, num_blocks=1, num_labels=CLASSES)
    dinov2_kind, dinov3_kind = transformers.EomtForUniversalSegmentation, transformers.EomtDinov3ForUniversalSegmentation
    cases = (
        ("hf-eomt", dinov2_kind(transformers.EomtConfig(mlp_ratio=2, **shared)), {}),
        ("hf-eomt-swiglu", dinov2_kind(transformers.EomtConfig(mlp_ratio=3, use_swiglu_ffn=True, **shared)), {}),
        ("hf-eomt-sharded", dinov2_kind(transformers.EomtConfig(mlp_ratio=2, **shared)), dict(max_shard_size="20KB")),
        ("hf-eomt-bf16", dinov2_kind(transformers.EomtConfig(mlp_ratio=2, **shared)).bfloat16(), {}),
        ("hf-eomt-dinov3", dinov3_kind(transformers.EomtDinov3Config(intermediate_size=32, **shared)), {}),
        ("hf-eomt-dinov3-gated", dinov3_kind(transformers.EomtDinov3Config(
            intermediate_size=24, use_gated_mlp=True, hidden_act="silu", **shared)), {}),
    )
    for name, model, options in cases:
        randomize(model)
        save_folder(model, name, **options)
        tensors = model.state_dict()
        third = "dinov3" in name
        out = hf_blocks(tensors, "layers.", "o_proj" if third else "out_proj", key_bias=not third)
        out |= hf_embeddings(tensors, "layernorm") | hf_heads(tensors)
        if not third:
            out["backbone.pos_embed"] = tensors["embeddings.position_embeddings.weight"][None]
        expect(name, out)


# --- the official EoMT ------------------------------------------------------


class ScaleBlock(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(d, d, 2, 2)
        self.conv2 = nn.Conv2d(d, d, 3, padding=1, groups=d, bias=False)
        self.norm = LayerNorm2d(d)


class Encoder(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.register_buffer("pixel_mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, -1, 1, 1))
        self.register_buffer("pixel_std", torch.tensor([0.229, 0.224, 0.225]).reshape(1, -1, 1, 1))


class Network(nn.Module):
    """The modules of models/eomt.py, tue-mps/eomt at 7bd19dd, by name."""

    def __init__(self, backbone, d, upscales):
        super().__init__()
        self.encoder = Encoder(backbone)
        self.register_buffer("attn_mask_probs", torch.zeros(1))
        self.q = nn.Embedding(QUERIES, d)
        self.class_head = nn.Linear(d, CLASSES + 1)
        self.mask_head = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.Linear(d, d), nn.GELU(), nn.Linear(d, d))
        self.upscale = nn.Sequential(*[ScaleBlock(d) for _ in range(upscales)])


def official():
    # Width 64, the smallest that determines the number of heads; patch 8 for a small file.
    network = randomize(Network(vit(width=64, heads=1, blocks=1, patch=8, image=24, ratio=1), 64, 1))
    tensors = {"network." + k: v for k, v in network.state_dict().items()}
    tensors["criterion.empty_weight"] = torch.tensor([1.0] * CLASSES + [0.1])
    torch.save(tensors, ROOT + "official.bin")
    parameters = {k: v for k, v in network.state_dict().items() if "pixel" not in k and "probs" not in k}
    expect("official", {k.removeprefix("encoder."): v for k, v in parameters.items()})


def timm_shape_of(vit3):
    """What models/vit.py makes of DINOv3ViTModel, whose layers were .layer at the time."""
    net = nn.Module()
    net.patch_embed = vit3.embeddings
    del net.patch_embed.mask_token
    net.blocks = vit3.model.layer
    net.norm = vit3.norm
    return net


def official_dinov3(base):
    before = hf_blocks(base.state_dict(), "model.layer.", "o_proj", key_bias=False) | hf_embeddings(base.state_dict(), "norm")
    before = whole(before)  # the base's modules take the differences next
    network = randomize(Network(timm_shape_of(base), D, 2))
    tensors = {"network." + k: v.clone() for k, v in network.state_dict().items()}
    for name in ("pixel_mean", "pixel_std"):
        tensors["network.encoder." + name].zero_()
    tensors["network.attn_mask_probs"] -= 1
    torch.save(tensors, ROOT + "official-dinov3-deltas.bin")
    # The sum as training/lightning_module.py makes it: backbone plus base, heads plus zero.
    out = {}
    renamed = {"model.layer." + k.removeprefix("blocks."): v for k, v in network.encoder.backbone.state_dict().items() if k.startswith("blocks.")}
    renamed |= {k.replace("patch_embed.", "embeddings."): v for k, v in network.encoder.backbone.state_dict().items() if not k.startswith("blocks.")}
    deltas = hf_blocks(renamed, "model.layer.", "o_proj", key_bias=False) | hf_embeddings(renamed, "norm")
    for k, v in deltas.items():
        out[k] = v + before[k]
    out |= {k: v for k, v in network.state_dict().items() if not k.startswith("encoder.") and "probs" not in k}
    expect("official-dinov3-deltas", out)


# --- torch.save and resampling ----------------------------------------------


def torch_files():
    root = CHECKPOINTS + "torchfile/testdata/"
    os.makedirs(root, exist_ok=True)
    a = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    tensors = OrderedDict(
        f32=a, view=a[1:, 2:], transposed=a.t(), row=a[2], scalar=torch.tensor(7.5), empty=torch.zeros(0, 3),
        f16=torch.randn(3).half(), bf16=torch.randn(3).bfloat16(), f64=torch.randn(2).double(),
        i64=torch.tensor([-1, 2**40]), i32=torch.tensor([3]).int(), i16=torch.tensor([-3]).short(),
        i8=torch.tensor([-3]).char(), u8=torch.tensor([200]).byte(), bool=torch.tensor([True, False]),
        parameter=nn.Parameter(torch.randn(2)),
        permuted=torch.randn(2, 3, 4).permute(2, 0, 1), step=torch.randn(8)[::3])
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, root + "expected.safetensors")
    torch.save(tensors, root + "zip.pth")
    torch.save(tensors, root + "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": tensors, "epoch": 3, "lr": 0.1, "none": None, "shape": a.shape}, root + "nested.ckpt")
    torch.save(nn.Linear(2, 3).state_dict(), root + "module.pth")  # with a _metadata attribute
    torch.save({"expanded": torch.ones(1).expand(4)}, root + "expanded.pth")
    torch.save({"dtype": torch.float32}, root + "class.pth")


def resampling():
    root = CHECKPOINTS + "resample/testdata/"
    os.makedirs(root, exist_ok=True)
    out = {}
    for old, new in ((14, 16), (16, 14), (14, 8), (16, 32), (7, 7)):
        kernels = torch.randn(3, 3, old, old)
        out[f"patch.{old}.{new}.in"] = kernels
        out[f"patch.{old}.{new}.out"] = resample_patch_embed(kernels, [new, new]).clone()
        if old != new:
            double = torch.float64
            resize = _compute_resize_matrix((old, old), (new, new), "bicubic", True, kernels.device, double)
            out[f"patch.{old}.{new}.out64"] = _apply_resampling(
                kernels, torch.linalg.pinv(resize), (new, new), torch.float32, double).clone()
    for old, new in (((9, 9), (5, 12)), ((9, 9), (20, 20)), ((4, 7), (7, 4)), ((37, 37), (10, 11)), ((3, 3), (3, 3)), ((5, 6), (1, 2))):
        position = torch.randn(1, old[0] * old[1], 5)
        name = "grid.%d.%d.%d.%d" % (*old, *new)
        out[name + ".in"] = position
        out[name + ".out"] = resample_abs_pos_embed(position, list(new), list(old), num_prefix_tokens=0).clone()
    save_file(out, root + "timm.safetensors")


os.makedirs(ROOT, exist_ok=True)
dinov2()
dinov3()
base = hf_backbones()
hf_eomt()
official()
official_dinov3(base)
torch_files()
resampling()
