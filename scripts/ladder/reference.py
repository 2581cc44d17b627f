"""Times one of the networks of the paper's Table 1 in eager PyTorch and prints a JSON object; speed.py calls it.

    python3 scripts/ladder/reference.py NETWORK [--size S] [--image 640] [--seconds 10]

EoMT, with masks and without, is transformers' EomtForUniversalSegmentation. The others are the plain ViT with its pyramid
and the ViT-Adapter of ../goldens/ladder.py in front of the pixel decoder and Transformer decoder of transformers'
Mask2Former, the same composition that the Go networks are held against. Weights are random. Batch 1, float32, as many
threads as this process may use processors, two runs to warm up. The decoder on a single scale projects its map three
times instead of once. Size g, whose MLP is gated, is not composed.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "goldens"))
import ladder  # noqa: E402

torch.set_default_dtype(torch.float32)  # ladder computes in float64
SIZES = {"S": (384, 12, 6, 3), "B": (768, 12, 12, 3), "L": (1024, 24, 16, 4)}  # width, blocks, heads, query blocks
QUERIES, CLASSES = 200, 133


class RandomParams(ladder.Params):
    """Parameters of random values, made when they are first asked for."""

    def get(self, name, *shape):
        if name not in self:
            self[name] = 0.02 * torch.randn(*shape)
        return self[name]


class RunningNorms:
    """BatchNorm by running values."""

    def __init__(self, p):
        self.p = p

    def __call__(self, name, x):
        c = x.shape[1]
        mean, var = self.p.get(name + ".running_mean", c), self.p.get(name + ".running_var", c).abs()
        return F.batch_norm(x, mean, var, self.p.get(name + ".weight", c), self.p.get(name + ".bias", c), eps=1e-5)


def remembered(references):
    """The reference points of grids, computed once."""
    known = {}

    def lookup(grids):
        key = tuple(map(tuple, grids))
        if key not in known:
            known[key] = references(grids)
        return known[key]

    return lookup


def eomt(network, size, image):
    width, blocks, heads, query_blocks = SIZES[size]
    net = transformers.EomtForUniversalSegmentation(transformers.EomtConfig(
        hidden_size=width, num_hidden_layers=blocks, num_attention_heads=heads, num_blocks=query_blocks, image_size=image,
        num_queries=QUERIES, num_labels=CLASSES, attn_implementation="sdpa")).eval()
    net.attn_mask_probs.fill_(1 if network == "eomt_masked" else 0)
    return net


def composed(network, size, image):
    """A ViT with maps, and transformers' decoders on them."""
    width, blocks, heads, _ = SIZES[size]
    a = dict(network=network, width=width, blocks=blocks, heads=heads, hidden=4 * width, grid=[image // 16, image // 16], registers=4,
             queries=QUERIES, classes=CLASSES, decoder_width=256, decoder_heads=8, decoder_layers=9, decoder_hidden=2048,
             encoder_layers=6, encoder_hidden=1024)
    d, has_pixel = a["decoder_width"], network in ("vit_mask2former", "vit_adapter_mask2former")
    p, classes = RandomParams(), torch.nn.Linear(d, CLASSES + 1)
    pixel = ladder.m2f.Mask2FormerPixelDecoder(ladder.config(a), [width] * 4).eval() if has_pixel else None
    decoder = ladder.m2f.Mask2FormerTransformerModule(d if has_pixel else width, ladder.config(a)).eval()
    ladder.references = remembered(ladder.references)

    def maps_of(pixels):
        if network == "vit_adapter_mask2former":
            return ladder.adapter(p, RunningNorms(p), a, pixels)
        x = ladder.embed(p, a, pixels)
        for i in range(blocks):
            x = ladder.block(p, a, i, x)
        x = p.norm("backbone.norm", x)[:, 1 + a["registers"] :]
        return ladder.pyramid(p, a, ladder.tokens_to_map(x, tuple(a["grid"])))

    def forward(pixels):
        maps = maps_of(pixels)
        if has_pixel:
            out = pixel(maps, return_dict=True)
            levels, features = list(out.multi_scale_features), out.mask_features
        else:
            features = F.conv2d(maps[0], p.get("mask_projection.weight", d, width, 1, 1), p.get("mask_projection.bias", d))
            levels = maps[:0:-1] if len(maps) == 4 else [maps[1]] * 3
        states = decoder(levels, features)
        return states.masks_queries_logits[-1], classes(states.intermediate_hidden_states[-1].transpose(0, 1))

    return forward


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--size", default="S", choices=list(SIZES))
    parser.add_argument("--image", type=int, default=640)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    build = eomt if arguments.network.startswith("eomt") else composed
    forward = build(arguments.network, arguments.size, arguments.image)
    pixels, seconds = torch.randn(1, 3, arguments.image, arguments.image), []
    with torch.inference_mode():
        forward(pixels)
        forward(pixels)
        begin = time.perf_counter()
        while len(seconds) < 3 or time.perf_counter() - begin < arguments.seconds:
            start = time.perf_counter()
            forward(pixels)
            seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds_median": statistics.median(seconds), "seconds_min": min(seconds), "seconds_max": max(seconds), "runs": len(seconds),
                      "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "version": torch.__version__}))


if __name__ == "__main__":
    main()
