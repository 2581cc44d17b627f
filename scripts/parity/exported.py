"""Compares exported ONNX files with the graph, in ONNX Runtime and OpenVINO.

    python scripts/parity/exported.py [--large] [--weights BINARY]

Small random networks of every kind and of the ladder, on images that are not square where the kind's source allows it, are
exported for opset 17 and 20, from float and uint8, with and without masked attention. Each file passes onnx's
full check and runs on batches of 1 and 3 in ONNX Runtime and OpenVINO; the logits are compared with
`weights forward`. --large adds size g, 4.6 GB with its initialisers in a second file, batch 1, ONNX Runtime.
Packages: requirements.txt.

The tolerance is 1e-3 standard deviations of the graph's logits, float32 on both sides. With f16, 11 bits in
every product: 0.05.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import openvino
import torch
from safetensors.numpy import load_file, save_file
from transformers import EomtConfig, EomtForUniversalSegmentation

from table import Table, progress

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE, HALF_TOLERANCE = 1e-3, 0.05
MEAN, STD = np.array([.485, .456, .406]), np.array([.229, .224, .225])
CUSTOM = """name: tiny
task: panoptic
model: {{size: custom, backbone: {kind}, image: [48, 80], queries: 6, width: 32, blocks: 3, heads: 2, mlp_hidden: 64, query_blocks: 2, patch: 16, registers: 2}}
data: {{format: coco, root: none}}
train: {{total_steps: 1}}
"""
DECODER = "decoder_width: 64, decoder_heads: 2, decoder_layers: 4, decoder_hidden: 48"
PIXEL_DECODER = DECODER + ", encoder_layers: 2, encoder_hidden: 48"
LADDER = {"eomt_masked": "query_blocks: 2", "vit_decoder_single_scale": DECODER, "vit_decoder": DECODER,
          "vit_mask2former": PIXEL_DECODER, "vit_adapter_mask2former": PIXEL_DECODER}
RUNG = """name: tiny
task: panoptic
model: {{size: custom, network: {network}, image: [64, 96], queries: 6, width: 32, blocks: 4, heads: 2, mlp_hidden: 64, patch: 16, registers: 2, {sizes}}}
data: {{format: coco, root: none}}
train: {{total_steps: 1}}
"""
VARIANTS = [
    [], ["-opset", "17"], ["-opset", "17", "-input", "uint8"], ["-for", "onnxruntime"],
    ["-precision", "f16"], ["-opset", "17", "-precision", "f16", "-input", "uint8"],
]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[1]}: {done.stderr}")


def networks(binary, folder):
    """Yields name and path of random weights of every kind."""
    for kind in ("dinov2", "dinov3"):
        config = folder / f"{kind}.yaml"
        config.write_text(CUSTOM.format(kind=kind))
        run(binary, "init", "-config", config, "-seed", 3, "-out", folder / kind)
        yield kind, folder / kind, 0
    for network, sizes in LADDER.items():
        config = folder / f"{network}.yaml"
        config.write_text(RUNG.format(network=network, sizes=sizes))
        run(binary, "init", "-config", config, "-seed", 3, "-out", folder / network)
        yield network, folder / network, 0
    for masked in (0, 1):
        torch.manual_seed(4)
        net = EomtForUniversalSegmentation(EomtConfig(
            hidden_size=32, num_hidden_layers=3, num_attention_heads=2, num_blocks=2, mlp_ratio=4, use_swiglu_ffn=True,
            image_size=64, num_queries=6, num_labels=5))
        for name, p in net.named_parameters():
            if p.dim() == 1 or "token" in name or "position" in name:
                p.data += 0.2 * torch.randn_like(p)
        net.attn_mask_probs.fill_(masked)
        name = "SwiGLU, masked" if masked else "SwiGLU"
        net.save_pretrained(folder / name)
        yield name, folder / name, masked


def graph(binary, weights, images, masked, folder):
    """The final logits of the graph: classes, masks."""
    pixels = ((images / 255 - MEAN[:, None, None]) / STD[:, None, None]).astype(np.float32)
    tensors = {"pixel_values": pixels}
    if masked:
        tensors["mask_probs"] = np.ones(masked, np.float32)
    save_file(tensors, folder / "in.safetensors")
    run(binary, "forward", "-weights", weights, "-input", folder / "in.safetensors", "-output", folder / "out.safetensors", "-backend", "go")
    out = load_file(folder / "out.safetensors")
    last = max(int(name.split(".")[1]) for name in out if name.startswith("mask_logits."))
    return pixels, out[f"class_logits.{last}"], out[f"mask_logits.{last}"]


def onnx_runtime(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["class_queries_logits", "masks_queries_logits"], {"pixel_values": x})


def open_vino(path):
    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def call(x):
        out = model({"pixel_values": x})
        return out["class_queries_logits"], out["masks_queries_logits"]
    return call


def compare(table, component, on, want, got, tolerance):
    for which, w, g in zip(("class", "mask"), want, got):
        if w.shape != g.shape:
            sys.exit(f"{component}: {which} logits {g.shape}, want {w.shape}")
        largest = np.abs(w - g).max()
        table.add(f"{component}: {which} logits", "the graph", float(largest), float(largest / w.std()), tolerance, on=on,
                  unit="standard deviations")


def small(table, binary, folder):
    runtimes = {f"ONNX Runtime {onnxruntime.__version__}": onnx_runtime, f"OpenVINO {openvino.__version__.split('-')[0]}": open_vino}
    random = np.random.default_rng(5)
    for name, weights, masked in networks(binary, folder):
        progress(f"exported files: {name}")
        for number, variant in enumerate(VARIANTS):
            path = folder / f"{name}-{number}.onnx"
            run(binary, "export", "-in", weights, "-out", path, *variant)
            contrib = "onnxruntime" in variant
            onnx.checker.check_model(str(path), full_check=not contrib)  # other domains are unknown to it
            shape = [d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
            tolerance = HALF_TOLERANCE if "f16" in variant else TOLERANCE
            what = ", f16" if "f16" in variant else ""
            for runtime, opened in runtimes.items():
                if contrib and opened is open_vino:
                    continue
                call = opened(str(path))
                for batch in (1, 3):
                    images = random.integers(0, 256, (batch, *shape[1:]), dtype=np.uint8)
                    pixels, *want = graph(binary, weights, images, 2 * masked, folder)
                    got = call(images if "uint8" in variant else pixels)
                    compare(table, f"ONNX file, {name}{what}", runtime, want, got, tolerance)


def large(table, binary, folder):
    progress("exported files: size g")
    config = ROOT / "configs/coco/panoptic/eomt-g-640.yaml"
    run(binary, "init", "-config", config, "-seed", 1, "-out", folder / "g")
    path = folder / "g.onnx"
    run(binary, "export", "-in", folder / "g", "-out", path)
    onnx.checker.check_model(str(path), full_check=True)
    images = np.random.default_rng(6).integers(0, 256, (1, 3, 640, 640), dtype=np.uint8)
    pixels, *want = graph(binary, folder / "g", images, 0, folder)
    compare(table, "ONNX file, size g in two files", f"ONNX Runtime {onnxruntime.__version__}", want, onnx_runtime(str(path))(pixels), TOLERANCE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--weights", help="a built cmd/weights (default: go build)")
    arguments = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        binary = arguments.weights or folder / "weights"
        if not arguments.weights:
            subprocess.run(["go", "build", "-o", binary, "./cmd/weights"], check=True, cwd=ROOT, env={"GOEXPERIMENT": "simd", **os.environ})
        small(table, binary, folder)
        if arguments.large:
            large(table, binary, folder)
    sys.exit(table.finish())


main()
