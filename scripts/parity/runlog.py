"""Compares the logs of a run folder, as read by TensorBoard and pyarrow, with
metrics.jsonl.

    python scripts/parity/runlog.py [RUN_DIR]

Without RUN_DIR it trains a small run, removes its last checkpoint and resumes it, so that steps are logged
twice. Packages: requirements.txt.
"""

import json
import logging
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy
import pyarrow.parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from table import Table, progress

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
NAMES = {"loss": "loss", "lr/head": "lr_head", "lr/backbone": "lr_backbone", "gradient_norm": "gradient_norm", "matched": "matched",
         "speed/images_per_second": "images_per_second", "speed/data_wait": "data_wait", "speed/memory_bytes": "memory_bytes"}
FIGURES = {"PQ": lambda f: f["All"]["pq"], "AP": lambda f: f["AP"], "mIoU": lambda f: f["mIoU"]}


def resumed_run(folder):
    train = folder / "train"
    subprocess.run(["go", "build", "-o", train, "./cmd/train"], cwd=REPOSITORY, check=True)
    run = folder / "run"
    settings = [f"data.root={folder}/shapes", "data.shapes.train=16", "data.shapes.val=2", "data.batch=2", "train.points=32", "train.log_every=1",
                "train.checkpoint_every=2", "train.total_steps=8"]
    command = [train, "-backend", "go", "-config", "configs/quickstart.yaml", "-out", run] + [a for s in settings for a in ("-set", s)]

    def go(*more):
        subprocess.run([*command, *more], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    go("-max-steps", "5")
    shutil.rmtree(run / "checkpoints" / "step-00000005")
    go("-resume")
    return run


def differing(got, want):
    """How many values of two lists of (step, value) differ; all if the steps differ."""
    if [s for s, _ in got] != [s for s, _ in want]:
        return len(want)
    return sum(bool(numpy.float32(w) != numpy.float32(g)) for (_, g), (_, w) in zip(got, want))


def compare(run):
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows = pyarrow.parquet.read_table(run / "metrics.parquet").to_pylist()
    table = Table()
    wrong = sum(row[key] != value for row, entry in zip(rows, entries, strict=True) for key, value in entry.items() if key != "time")
    table.add("metrics.parquet, values that differ from metrics.jsonl", "pyarrow", wrong, wrong, 0)

    logging.disable(logging.WARNING)  # it says that it drops what the resumed run did again
    board = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    wrong, tags = 0, board.Tags()["scalars"]
    for tag in tags:
        group, _, index = tag.rpartition("/")
        if group == "eval":
            # TensorBoard shows no evaluation after the checkpoint that a run resumed from.
            want = [(e.step, FIGURES[index](json.loads((run / f"eval/step-{e.step:08d}.json").read_text()))) for e in board.Scalars(tag)]
        else:
            want = [(e["step"], e[NAMES[tag]] if tag in NAMES else e[group][int(index)]) for e in entries]
        wrong += differing([(e.step, e.value) for e in board.Scalars(tag)], want)
    table.add(f"{len(tags)} TensorBoard charts of a resumed run, values that differ", "tensorboard", wrong, wrong, 0, ok=len(tags) > 10)

    tags, last = board.Tags()["images"], sorted((run / "pictures").iterdir())[-1]
    wrong = 0
    for tag in tags:
        event, want = board.Images(tag)[-1], (last / f"{tag.rpartition('/')[2]}.png").read_bytes()
        size = int.from_bytes(want[16:20]), int.from_bytes(want[20:24])  # as the PNG states them
        wrong += event.encoded_image_string != want or (event.width, event.height) != size or f"step-{event.step:08d}" != last.name
    table.add(f"{len(tags)} TensorBoard pictures of a resumed run that differ from pictures/", "tensorboard", wrong, wrong, 0, ok=len(tags) > 1)
    return table


def main():
    if len(sys.argv) > 1:
        return compare(pathlib.Path(sys.argv[1])).finish()
    progress("the logs of a run that is resumed")
    with tempfile.TemporaryDirectory() as folder:
        return compare(resumed_run(pathlib.Path(folder))).finish()


if __name__ == "__main__":
    sys.exit(main())
