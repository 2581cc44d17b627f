"""Picks the five rows of the parity table that README shows.

    python scripts/parity/summary.py PARITY.md
"""

import pathlib
import sys

SHOWN = [
    "EoMT-B at 640 px, all mask logits, masked",
    "criterion: losses, float64",
    "all parameters after five training steps, float64",
    "weights written again in every format, bit for bit",
    "mask AP",
]

lines = [line for line in pathlib.Path(sys.argv[1]).read_text().splitlines() if line.startswith("|")]
rows = {line.split("|")[1].strip(): line for line in lines[2:]}
if missing := [name for name in SHOWN if name not in rows]:
    sys.exit(f"{sys.argv[1]}: no row {missing[0]!r}")
print("\n".join(lines[:2] + [rows[name] for name in SHOWN]))
