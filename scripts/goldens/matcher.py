"""Writes matcher/testdata/scipy.json: random cost matrices and the value of the
assignment that scipy finds.

Run by hand from the repository root:
    python scripts/goldens/matcher.py
Made with scipy 1.17.1, numpy 2.4.6, seed 1.
"""

import base64
import json
import pathlib

import numpy as np
from scipy.optimize import linear_sum_assignment

rng = np.random.default_rng(1)
KINDS = {
    "uniform": lambda shape: rng.random(shape),
    "costs": lambda shape: rng.gamma(2, 2, shape) - 2 * rng.dirichlet(np.ones(shape[1]), shape[0]),
    "ties": lambda shape: rng.integers(0, 3, shape).astype(float),
    "products": lambda shape: np.outer(np.arange(shape[0]) + 1.0, np.arange(shape[1]) + 1.0),
}
problems = []
for kind, make in KINDS.items():
    for rows, cols in [(1, 20), (16, 50), (30, 30), (40, 25)]:
        cost = make((rows, cols)).astype(np.float32)
        picked = linear_sum_assignment(cost.astype(float))
        problems.append({
            "kind": kind, "rows": rows, "cols": cols, "cost": base64.b64encode(cost.tobytes()).decode(),
            "pairs": len(picked[0]), "sum": cost.astype(float)[picked].sum(),
        })
pathlib.Path("matcher/testdata/scipy.json").write_text(json.dumps(problems, indent=0))
