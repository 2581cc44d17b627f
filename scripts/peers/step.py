"""Compares inference and the whole training step of EoMT with Hugging Face's EoMT in
PyTorch, on random weights and 10 targets per image.

    python scripts/peers/step.py [--rounds 5] [--size S] [--image 640] [--batch 1]
        [--backend xla:cpu] [--bench BINARY] [--works forward,step] [--gpu]

The training step is the same work on both sides: forward pass with masked
attention in all query blocks, matching and losses of all predictions (12,544
points), gradients, clipping at 0.01, AdamW. Variants are this project and PyTorch in
float32 and in bf16 (autocast), the exported network in ONNX Runtime (inference), and
PyTorch with torch.compile; attention in PyTorch is
scaled_dot_product_attention except where a row says eager. Each variant is a separate
process, compiled and warmed up before the first round; rounds of one precision
alternate, so that they see the same machine, and are compared with eager PyTorch in
that precision. What cannot run has a row that says why. With --gpu the variants run
one after the other on the GPU, since their memory does not fit side by side, without
torch only this project's. On the processor PyTorch uses as many threads as this
process may use processors. Needs Go; torch, transformers and scipy for PyTorch's rows.
"""

import argparse
import importlib.util
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TARGETS = 10
SIZES = {  # width, blocks, heads, query blocks
    "S": (384, 12, 6, 3), "B": (768, 12, 12, 3), "L": (1024, 24, 16, 4), "g": (1536, 40, 24, 5)}


# ---- the reference, in its own process ------------------------------------------

def worker(a):
    """Runs a work once for each line on standard input, and prints its seconds."""
    import torch
    from transformers import EomtConfig, EomtForUniversalSegmentation

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = True  # as this project on CUDA
    width, blocks, heads, query_blocks = SIZES[a.size]
    net = EomtForUniversalSegmentation(EomtConfig(
        hidden_size=width, num_hidden_layers=blocks, num_attention_heads=heads, num_blocks=query_blocks, image_size=a.image,
        num_queries=200, num_labels=133, use_swiglu_ffn=a.size == "g", attn_implementation=a.attention)).to(a.device)
    pixels = torch.randn(a.batch, 3, a.image, a.image, device=a.device)
    run = inference(net, pixels, a) if a.worker == "forward" else training(net, pixels, a)

    def timed():
        start = time.perf_counter()
        run()
        if a.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    timed()
    timed()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(timed(), flush=True)


def inference(net, pixels, a):
    import torch

    net.eval()
    net.attn_mask_probs.fill_(0)
    forward = torch.compile(net) if a.compile else net

    def run():
        with torch.inference_mode(), torch.autocast(a.device, torch.bfloat16, enabled=a.precision == "bf16"):
            forward(pixels)
    return run


def training(net, pixels, a):
    import torch

    net.train()
    y, x = torch.meshgrid(torch.arange(a.image), torch.arange(a.image), indexing="ij")
    masks, classes = [], []
    for _ in pixels:
        cx, cy, r = torch.rand(3, TARGETS, 1, 1) * a.image
        masks.append((torch.hypot(x - cx, y - cy) < 0.05 * a.image + 0.2 * r).float().to(a.device))
        classes.append(torch.randint(0, net.config.num_labels, (TARGETS,)).to(a.device))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=0.05)
    forward = torch.compile(net) if a.compile else net

    def run():
        with torch.autocast(a.device, torch.bfloat16, enabled=a.precision == "bf16"):
            loss = forward(pixels, mask_labels=masks, class_labels=classes).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.01)
        optimizer.step()
        optimizer.zero_grad()
        if not torch.isfinite(loss):
            sys.exit(f"the loss is {loss.item()}")
    return run


# ---- measuring ------------------------------------------------------------------

class Failed(Exception):
    """A variant that cannot run; the text says why."""


class Side:
    """A process that prints "ready", then seconds for each line that it is given."""

    def __init__(self, command):
        self.said = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True)

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return line
        code = self.process.wait()
        self.said.seek(0)
        last = ([text.strip() for text in self.said if text.strip()] or [""])[-1]
        raise Failed(f"ended with {code}: {last[:160]}".replace("|", "/"))

    def round(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # read tells what the process said
        return float(self.read())

    def peak(self):
        """Most resident memory so far, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.said.close()


def variants(work, bench, a):
    """Commands by name, or the reason why there is none."""
    ours = [bench, "-paced", "-work", work, "-size", a.size, "-image", str(a.image), "-batch", str(a.batch)]
    if a.backend:
        ours += ["-backend", a.backend]
    device = "cuda" if a.gpu else "cpu"
    theirs = [sys.executable, "-W", "ignore", __file__, "--worker", work, "--size", a.size, "--image", str(a.image),
              "--batch", str(a.batch), "--device", device]
    sides = {"this project": ours, "this project, bf16": [*ours, "-precision", "bf16"]}
    if work == "forward" and not a.gpu:
        runtime = pathlib.Path(os.environ.get("EOMT_CACHE") or pathlib.Path.home() / ".cache/eomt", "ort/cpu")
        exported = ["forward_ort" if part == "forward" else part for part in ours]
        sides["this project, -engine ort"] = exported if runtime.is_dir() else "no ONNX Runtime: `make setup ORT=cpu` fetches it"
    if not importlib.util.find_spec("torch"):
        return sides | {"PyTorch": "torch is not installed"}
    sides |= {"PyTorch": theirs, "PyTorch, bf16 autocast": [*theirs, "--precision", "bf16"]}
    if a.gpu:
        sides["PyTorch, eager attention"] = [*theirs, "--attention", "eager"]
    if a.gpu or shutil.which("g++") or shutil.which(os.environ.get("CXX", "c++")):
        sides["PyTorch, torch.compile"] = [*theirs, "--compile"]
        sides["PyTorch, torch.compile, bf16 autocast"] = [*theirs, "--compile", "--precision", "bf16"]
    else:
        sides["PyTorch, torch.compile"] = "no C++ compiler, which torch.compile needs on the processor"
    return sides


def measure(commands, rounds):
    """Seconds of each variant's rounds and its peak memory; or the reason why it did not run."""
    found, sides = {}, {}

    def attempt(name, what):
        try:
            return what()
        except Failed as error:
            found[name] = str(error)
            sides.pop(name, None)

    def started(name):
        sides[name] = Side(commands[name])
        sides[name].read()  # one after the other: compiling must not disturb another's warm-up

    for name in commands:
        if isinstance(commands[name], str):
            found[name] = commands[name]
        else:
            attempt(name, lambda: started(name))
    seconds = {name: [] for name in sides}
    for _ in range(rounds):
        for name in list(sides):
            took = attempt(name, sides[name].round)
            if took is not None:
                seconds[name].append(took)
    for name in list(sides):
        found[name] = (seconds[name], sides[name].peak())
        sides.pop(name).close()
    return found


def compare(work, bench, a):
    """Prints the rows of one work, those of each precision as soon as they are measured."""
    commands = variants(work, bench, a)
    for precision in a.precisions.split(","):
        own = {name: command for name, command in commands.items() if ("bf16" in name) == (precision == "bf16")}
        if a.gpu:  # one at a time: all of the card's memory is each one's
            found = {name: measure({name: command}, a.rounds)[name] for name, command in own.items()}
        else:
            found = measure(own, a.rounds)
        base = found.get("PyTorch, bf16 autocast" if precision == "bf16" else "PyTorch")
        for name, result in found.items():
            print(row(work, name, result, base, a.batch), flush=True)


def row(work, name, result, base, batch):
    if isinstance(result, str):
        return f"| {work} | {name} | not run: {result} | | | |"
    s, peak = result
    ratio = ""
    if base and not isinstance(base, str):
        pairs = sorted(b / x for x, b in zip(s, base[0]))
        ratio = f"{statistics.median(base[0]) / statistics.median(s):.2f} ({pairs[0]:.2f}-{pairs[-1]:.2f})"
    return (f"| {work} | {name} | {statistics.median(s):.3f} ({min(s):.3f}-{max(s):.3f}) | {ratio} | {peak >> 20} | "
            f"{batch / statistics.median(s):.2f} |")


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "processor not named"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", choices=SIZES, default="S")
    parser.add_argument("--image", type=int, default=640)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--works", default="forward,step")
    parser.add_argument("--precisions", default="f32,bf16", help="bf16 takes PyTorch minutes a step on a processor without bf16 instructions")
    parser.add_argument("--backend")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--bench", help="a built cmd/bench (default: go build)")
    for flag in ("--worker", "--device", "--precision", "--attention"):
        parser.add_argument(flag, help=argparse.SUPPRESS)
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(device="cpu", precision="f32", attention="sdpa")
    a = parser.parse_args()
    if a.worker:
        return worker(a)
    versions = ""
    if importlib.util.find_spec("torch"):
        import torch
        import transformers

        versions = f"; torch {torch.__version__}, transformers {transformers.__version__}"
    print(f"EoMT-{a.size}, {a.image} px, batch {a.batch}, {TARGETS} targets, {a.rounds} rounds, {len(os.sched_getaffinity(0))} processors "
          f"({machine()}){versions}\n")
    print("| work | implementation | seconds, median (range) | speed against eager PyTorch in that precision (range of rounds) | peak MiB | images/s |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        bench = a.bench or f"{folder}/bench"
        if not a.bench:
            subprocess.run(["go", "build", "-o", bench, "./cmd/bench"], cwd=REPOSITORY, check=True)
        for work in a.works.split(","):
            compare(work, bench, a)


if __name__ == "__main__":
    main()
