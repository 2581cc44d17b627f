"""Times the networks of the paper's Table 1 with cmd/bench and in eager PyTorch, alternating within one run, and prints a table.

    python3 scripts/ladder/speed.py [--sizes S,L] [--rounds 3] [--backend xla:cpu] [--image 640] [--seconds 10] > TABLE.md

Each measurement is a process of its own: inference, batch 1, float32, random weights. A round measures every network once on
either engine, so that a slow spell of the machine falls on all. Ratios are to EoMT on the same engine in the same run. PyTorch
(reference.py) needs torch and transformers in this Python, and is left out, with a line that says so, where they are not.
Published: arXiv 2503.19108, Table 1, size L on an H100; 700 GFLOPs of rung 1 fit no network of its parameters and are read
as 740.
"""

import argparse
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

# Network, rung, published GFLOPs and frames a second of size L.
NETWORKS = [
    ("vit_adapter_mask2former", 0, "830", 29),
    ("vit_mask2former", 1, "700 (740)", 36),
    ("vit_decoder", 2, "685", 61),
    ("vit_decoder_single_scale", 3, "673", 64),
    ("eomt_masked", 4, "828", 61),
    ("eomt", 5, "669", 128),
]
COLUMNS = ["size", "rung", "network", "parameters, M", "G multiply-adds (ratio)", "published GFLOPs, L", "engine", "ms, median (range; runs)", "images/s",
           "time ratio to rung 5", "peak MiB", "published FPS, L (time ratio)", "PQ, AP"]


def go_result(binary, folder, network, size, a):
    path = folder / "result.json"
    command = [binary, "-work", "forward", "-size", size, "-network", network, "-image", str(a.image), "-seconds", str(a.seconds), "-json", path]
    if a.backend:
        command += ["-backend", a.backend]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(path.read_text())


def torch_result(network, size, a):
    script = pathlib.Path(__file__).with_name("reference.py")
    command = [sys.executable, script, network, "--size", size, "--image", str(a.image), "--seconds", str(a.seconds)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def measure(a, sizes, with_torch):
    """Results by size, network and engine, and what they were measured on."""
    seen, where = {}, ""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run(["go", "build", "-o", folder / "bench", "./cmd/bench"], check=True)
        for size in sizes:
            for turn in range(a.rounds):
                for network, *_ in NETWORKS:
                    print(f"ladder: {network} {size}, round {turn + 1} of {a.rounds}", file=sys.stderr)
                    report = go_result(folder / "bench", folder, network, size, a)
                    where = report["machine"]
                    seen.setdefault((size, network, report["backend"]), []).append(report["results"][0])
                    if with_torch and size != "g":
                        result = torch_result(network, size, a)
                        seen.setdefault((size, network, f"PyTorch {result['version']}"), []).append(result)
    return seen, where


def median(rounds):
    return statistics.median(r["seconds_median"] for r in rounds)


def row(seen, size, network, rung, gflops, fps, engine, ours):
    rounds, counted = seen[size, network, engine], seen[size, network, ours][0]
    base = seen[size, "eomt", engine]
    low, high = min(r["seconds_min"] for r in rounds), max(r["seconds_max"] for r in rounds)
    return [size, rung, f"`{network}`", f"{counted['parameters'] / 1e6:.1f}",
            f"{counted['flops'] / 1e9:.1f} ({counted['flops'] / seen[size, 'eomt', ours][0]['flops']:.2f})", gflops, engine,
            f"{median(rounds) * 1e3:.0f} ({low * 1e3:.0f}-{high * 1e3:.0f}; {sum(r['runs'] for r in rounds)})", f"{1 / median(rounds):.2f}",
            f"{median(rounds) / median(base):.2f}", max(r["peak_rss_bytes"] for r in rounds) >> 20, f"{fps} ({128 / fps:.1f})", "not yet measured"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="S,L")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="")
    parser.add_argument("--image", type=int, default=640)
    parser.add_argument("--seconds", type=float, default=10, help="how long each measurement repeats, at least three times")
    arguments = parser.parse_args()
    sizes = arguments.sizes.split(",")
    with_torch = all(importlib.util.find_spec(package) for package in ("torch", "transformers"))
    seen, where = measure(arguments, sizes, with_torch)
    engines = list(dict.fromkeys(engine for _, _, engine in seen))
    ours = engines[0]
    print(f"{where}; inference at {arguments.image} px, batch 1, float32, rounds alternating: {arguments.rounds}"
          + ("" if with_torch else "; without PyTorch, which this Python does not have") + "\n")
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for size in sizes:
        for network, *facts in NETWORKS:
            for engine in engines:
                if (size, network, engine) in seen:
                    print("| " + " | ".join(map(str, row(seen, size, network, *facts, engine, ours))) + " |")


if __name__ == "__main__":
    main()
