"""Writes matcher/testdata/scipy.json: random cost matrices and the cost of scipy's
assignment.

Run by hand from the repository root:
    python scripts/goldens/matcher.py
Made with scipy 1.17.1, numpy 2.4.6, seed 1. `make parity` runs it with --root DIR
--seed N, which adds the size of published models.
"""

import argparse
import base64
import json
import pathlib

import numpy as np
from scipy.optimize import linear_sum_assignment

SIZES = [(1, 20), (16, 50), (30, 30), (40, 25)]
KINDS = {
    "uniform": lambda rng, shape: rng.random(shape),
    "costs": lambda rng, shape: rng.gamma(2, 2, shape) - 2 * rng.dirichlet(np.ones(shape[1]), shape[0]),
    "ties": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "products": lambda rng, shape: np.outer(np.arange(shape[0]) + 1.0, np.arange(shape[1]) + 1.0),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=".", help="folder laid out as the repository")
    parser.add_argument("--seed", type=int, help="makes other matrices than the committed ones")
    arguments = parser.parse_args()
    sizes, seed = SIZES, 1
    if arguments.seed is not None:
        sizes, seed = [(1, 20), (100, 200), (30, 30), (40, 25)], 1000 + arguments.seed
    rng = np.random.default_rng(seed)
    problems = []
    for kind, make in KINDS.items():
        for rows, cols in sizes:
            cost = make(rng, (rows, cols)).astype(np.float32)
            picked = linear_sum_assignment(cost.astype(float))
            problems.append({
                "kind": kind, "rows": rows, "cols": cols, "cost": base64.b64encode(cost.tobytes()).decode(),
                "pairs": len(picked[0]), "sum": cost.astype(float)[picked].sum(),
            })
    out = pathlib.Path(arguments.root, "matcher/testdata/scipy.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(problems, indent=0))


main()
