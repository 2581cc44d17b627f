"""Compares inference and the whole training step of EoMT-S at 640 px with Hugging
Face's EoMT in eager PyTorch, on random weights and 10 targets per image. Inference also
runs with the exported network in ONNX Runtime (-engine ort) where that is installed.

    python scripts/peers/step.py [--rounds 5] [--batch 1] [--backend xla:cpu] [--bench BINARY]

The training step is the same work on both sides: forward pass with masked
attention in all query blocks, matching and losses of all predictions (12,544
points), gradients, clipping at 0.01, AdamW. Each side is a separate process,
compiled and warmed up before the first round; rounds alternate, so that both see the
same machine. PyTorch uses as many threads as this process may use processors. Needs
torch, transformers, scipy and Go.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TARGETS, IMAGE = 10, 640


# ---- the reference, in its own process ------------------------------------------

def worker(work, batch):
    """Runs `work` once for each line on standard input, and prints its seconds."""
    import torch
    from transformers import EomtConfig, EomtForUniversalSegmentation

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(1)
    net = EomtForUniversalSegmentation(EomtConfig(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, num_blocks=3,
        image_size=IMAGE, num_queries=200, num_labels=133))
    pixels = torch.randn(batch, 3, IMAGE, IMAGE)
    run = inference(net, pixels) if work == "forward" else training(net, pixels)
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        print(time.perf_counter() - start, flush=True)


def inference(net, pixels):
    import torch

    net.eval()
    net.attn_mask_probs.fill_(0)

    def run():
        with torch.inference_mode():
            net(pixels)
    return run


def training(net, pixels):
    import torch

    net.train()
    y, x = torch.meshgrid(torch.arange(IMAGE), torch.arange(IMAGE), indexing="ij")
    masks, classes = [], []
    for _ in pixels:
        cx, cy, r = torch.rand(3, TARGETS, 1, 1) * IMAGE
        masks.append((torch.hypot(x - cx, y - cy) < 0.05 * IMAGE + 0.2 * r).float())
        classes.append(torch.randint(0, net.config.num_labels, (TARGETS,)))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=0.05)

    def run():
        loss = net(pixels, mask_labels=masks, class_labels=classes).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.01)
        optimizer.step()
        optimizer.zero_grad()
        if not torch.isfinite(loss):
            sys.exit(f"the loss is {loss.item()}")
    return run


# ---- measuring ------------------------------------------------------------------

class Side:
    """A process that prints "ready", then seconds for each line that it is given."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended early with {self.process.wait()}")
        return line

    def round(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.read())

    def peak(self):
        """Most resident memory so far, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(work, bench, arguments, ort=False):
    def ours(work):
        command = [bench, "-paced", "-work", work, "-size", "S", "-image", str(IMAGE), "-batch", str(arguments.batch)]
        return command + (["-backend", arguments.backend] if arguments.backend else [])

    commands = {"this project": ours(work)}
    if ort:
        commands["this project, -engine ort"] = ours("forward_ort")
    commands["PyTorch"] = [sys.executable, "-W", "ignore", __file__, "--worker", work, "--batch", str(arguments.batch)]
    sides = {}
    for name, command in commands.items():
        sides[name] = Side(command)
        sides[name].read()  # one after the other: compiling must not disturb the other's warm-up
    seconds = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, side in sides.items():
            seconds[name].append(side.round())
    peaks = {name: side.peak() for name, side in sides.items()}
    for side in sides.values():
        side.close()
    base = statistics.median(seconds["PyTorch"])
    for name, s in seconds.items():
        pairs = sorted(b / a for a, b in zip(s, seconds["PyTorch"]))
        print(f"| {work} | {name} | {statistics.median(s):.3f} ({min(s):.3f}-{max(s):.3f}) | {base / statistics.median(s):.2f} "
              f"({pairs[0]:.2f}-{pairs[-1]:.2f}) | {peaks[name] >> 20} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--backend")
    parser.add_argument("--bench", help="a built cmd/bench (default: go build)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(arguments.worker, arguments.batch)
    import torch
    import transformers

    print(f"EoMT-S, {IMAGE} px, batch {arguments.batch}, {TARGETS} targets, {arguments.rounds} rounds, "
          f"{len(os.sched_getaffinity(0))} processors; torch {torch.__version__}, transformers {transformers.__version__}, eager\n")
    print("| work | implementation | seconds, median (range) | speed against PyTorch (range of rounds) | peak MiB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        bench = arguments.bench or f"{folder}/bench"
        if not arguments.bench:
            subprocess.run(["go", "build", "-o", bench, "./cmd/bench"], cwd=REPOSITORY, check=True)
        ort = pathlib.Path(os.environ.get("EOMT_CACHE") or pathlib.Path.home() / ".cache/eomt", "ort/cpu").is_dir()
        if not ort:
            print("peers: no ONNX Runtime (`make setup ORT=cpu`): -engine ort is skipped", file=sys.stderr)
        compare("forward", bench, arguments, ort)
        compare("step", bench, arguments)


if __name__ == "__main__":
    main()
