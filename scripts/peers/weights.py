"""Compares loading the weights of an EoMT-L (f32, random) with torch.load and
safetensors: seconds and peak resident memory, each in a fresh process with the
file in the page cache, rounds alternating in one run.

    python scripts/peers/weights.py [--rounds 5] [--folder DIR]

Reads a Hugging Face folder (model.safetensors) and an official pytorch_model.bin
of 1.3 GB each, created in DIR (default: a temporary folder) and then removed. This
project and torch.load copy every tensor into memory; safetensors' load_file does so
only if each tensor is cloned. Needs torch, transformers, safetensors and Go, on
Linux.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

REFERENCE = """
import json, sys, time
import torch
from safetensors.torch import load_file
before = open("/proc/self/status").read()
start = time.perf_counter()
if sys.argv[1] == "torch.load":
    tensors = torch.load(sys.argv[2], weights_only=True)
else:
    tensors = load_file(sys.argv[2] + "/model.safetensors")
    if sys.argv[1] == "own memory":
        for name in list(tensors):
            tensors[name] = tensors[name].clone()
seconds = time.perf_counter() - start
rss = lambda text, key: int(text.split(key + ":")[1].split()[0]) << 10
now = open("/proc/self/status").read()
bytes = sum(t.numel() * t.element_size() for t in tensors.values())
# What the interpreter and torch themselves take is not the loader's.
print(json.dumps(dict(seconds=seconds, bytes=bytes, peak=rss(now, "VmHWM") - rss(before, "VmRSS"), tensors=len(tensors))))
"""


def run(*command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        compare(pathlib.Path(folder), arguments.rounds)


def compare(folder, rounds):
    make = "import sys, transformers; transformers.EomtForUniversalSegmentation(transformers.EomtConfig(num_labels=133)).save_pretrained(sys.argv[1])"
    hf, official = str(folder / "hf"), str(folder / "pytorch_model.bin")
    subprocess.run([sys.executable, "-c", make, hf], check=True, capture_output=True)
    loader, convert = str(folder / "loader"), str(folder / "convert")
    for binary, package in ((loader, "./scripts/peers/weights"), (convert, "./cmd/weights")):
        subprocess.run(["go", "build", "-o", binary, package], cwd=REPOSITORY, check=True)
    subprocess.run([convert, "convert", "-in", hf, "-out", official, "-format", "official"], check=True, capture_output=True)
    cases = {
        ("safetensors", "this project"): (loader, hf),
        ("safetensors", "load_file"): (sys.executable, "-c", REFERENCE, "load_file", hf),
        ("safetensors", "load_file, each cloned"): (sys.executable, "-c", REFERENCE, "own memory", hf),
        ("pytorch_model.bin", "this project"): (loader, official),
        ("pytorch_model.bin", "torch.load"): (sys.executable, "-c", REFERENCE, "torch.load", official),
    }
    results = {case: [] for case in cases}
    for _ in range(rounds + 1):  # the first one warms the page cache
        for case, command in cases.items():
            results[case].append(run(*command))
    sizes = {"safetensors": pathlib.Path(hf, "model.safetensors").stat().st_size, "pytorch_model.bin": pathlib.Path(official).stat().st_size}
    print("| file | loader | seconds, median (range) | peak memory / file size |\n|---|---|---|---|")
    for (file, who), all_runs in results.items():
        seconds = [r["seconds"] for r in all_runs[1:]]
        peak = max(r["peak"] for r in all_runs)
        print(f"| {file}, {sizes[file] / 1e9:.2f} GB | {who} | {statistics.median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f}) | {peak / sizes[file]:.2f} |")


if __name__ == "__main__":
    main()
