"""Times the networks of the paper's Table 1 with cmd/bench, alternating within one run, and prints a table.

    python3 scripts/ladder/speed.py [--sizes S,L] [--rounds 3] [--backend xla:cpu] > TABLE.md

Each measurement is a process of its own: inference at 640 px, batch 1, random weights. A round measures every network once,
so that a slow spell of the machine falls on all. Ratios are to EoMT in the same run. Needs no packages. Published: arXiv
2503.19108, Table 1, size L on an H100; 700 GFLOPs of rung 1 fit no network of its parameters and are read as 740.
"""

import argparse
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


def measure(binary, folder, network, size, backend):
    path = folder / "result.json"
    command = [binary, "-work", "forward", "-size", size, "-network", network, "-json", path]
    if backend:
        command += ["-backend", backend]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(path.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="S,L")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="")
    arguments = parser.parse_args()
    sizes = arguments.sizes.split(",")
    seen, where = {}, ""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run(["go", "build", "-o", folder / "bench", "./cmd/bench"], check=True)
        for size in sizes:
            for turn in range(arguments.rounds):
                for network, *_ in NETWORKS:
                    print(f"ladder: {network} {size}, round {turn + 1} of {arguments.rounds}", file=sys.stderr)
                    report = measure(folder / "bench", folder, network, size, arguments.backend)
                    where = f"{report['machine']}; {report['backend']}"
                    seen.setdefault((size, network), []).append(report["results"][0])
    print(f"{where}; inference at 640 px, batch 1, {arguments.rounds} rounds alternating; PQ and AP not yet measured\n")
    print("| size | rung | network | parameters, M | G multiply-adds (ratio) | published GFLOPs, L | ms, median (range; runs) | images/s "
          "| time ratio to rung 5 | peak MiB | published FPS, L (time ratio) |")
    print("|---" * 11 + "|")
    for size in sizes:
        base = seen[size, "eomt"]
        for network, rung, flops, fps in NETWORKS:
            rounds = seen[size, network]
            median = statistics.median(r["seconds_median"] for r in rounds)
            low, high = min(r["seconds_min"] for r in rounds), max(r["seconds_max"] for r in rounds)
            ratio = median / statistics.median(r["seconds_median"] for r in base)
            adds = rounds[0]["flops"]
            print(f"| {size} | {rung} | `{network}` | {rounds[0]['parameters'] / 1e6:.1f} | {adds / 1e9:.1f} ({adds / base[0]['flops']:.2f}) | {flops} "
                  f"| {median * 1e3:.0f} ({low * 1e3:.0f}-{high * 1e3:.0f}; {sum(r['runs'] for r in rounds)}) | {1 / median:.2f} | {ratio:.2f} "
                  f"| {max(r['peak_rss_bytes'] for r in rounds) >> 20} | {fps} ({128 / fps:.1f}) |")


if __name__ == "__main__":
    main()
