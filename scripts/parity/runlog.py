"""Reads a run folder's logs as their users do (TensorBoard, pyarrow) and compares them with metrics.jsonl.

usage: runlog.py RUN_DIR
"""
import json
import math
import pathlib
import sys

import numpy
import pyarrow.parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = pathlib.Path(sys.argv[1])
entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
failures = []

rows = pyarrow.parquet.read_table(run / "metrics.parquet").to_pylist()
for row, entry in zip(rows, entries, strict=True):
    for key, value in entry.items():
        if key != "time" and row[key] != value:
            failures.append(f"metrics.parquet, step {entry['step']}: {key} is {row[key]}, in metrics.jsonl {value}")

board = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0}).Reload()
scalar = {
    "loss": "loss", "lr/head": "lr_head", "lr/backbone": "lr_backbone", "gradient_norm": "gradient_norm", "matched": "matched",
    "speed/images_per_second": "images_per_second", "speed/data_wait": "data_wait", "speed/memory_bytes": "memory_bytes",
}
compared = 0
for tag in board.Tags()["scalars"]:
    group, _, index = tag.rpartition("/")
    if group == "eval":
        continue
    want = [(e["step"], e[scalar[tag]] if tag in scalar else e[group][int(index)]) for e in entries]
    got = [(e.step, e.value) for e in board.Scalars(tag)]
    compared += len(got)
    if [s for s, _ in got] != [s for s, _ in want]:
        failures.append(f"tensorboard, {tag}: steps {[s for s, _ in got]}, in metrics.jsonl {[s for s, _ in want]}")
    elif not all(math.isclose(numpy.float32(w), g, rel_tol=0) for (_, w), (_, g) in zip(want, got)):
        failures.append(f"tensorboard, {tag}: values differ from metrics.jsonl")

for evaluation in sorted((run / "eval").glob("step-*.json")):
    figures = json.loads(evaluation.read_text())
    step = int(evaluation.stem.removeprefix("step-"))
    name, value = next((n, v) for n, v in (("PQ", figures.get("All", {}).get("pq")), ("AP", figures.get("AP")), ("mIoU", figures.get("mIoU"))) if v is not None)
    shown = [e.value for e in board.Scalars(f"eval/{name}") if e.step == step]
    # Of an evaluation after the checkpoint that a run went on from, TensorBoard shows nothing.
    if shown and shown[-1] != numpy.float32(value):
        failures.append(f"tensorboard, eval/{name}, step {step}: {shown}, in {evaluation.name} {value}")

print(f"{run}: {len(entries)} entries; {compared} values in TensorBoard, {len(rows)} rows in metrics.parquet: {len(failures)} differences")
print("\n".join(failures))
sys.exit(bool(failures))
