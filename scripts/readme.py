"""Puts a generated file into README.md between the two lines that say so.

    python scripts/readme.py NAME FILE

The lines are `<!-- NAME: begin, written by scripts/readme.py -->` and `<!-- NAME: end -->`.
"""

import pathlib
import sys

name, source = sys.argv[1], pathlib.Path(sys.argv[2])
begin, end = f"<!-- {name}: begin, written by scripts/readme.py -->", f"<!-- {name}: end -->"
readme = pathlib.Path(__file__).resolve().parents[1] / "README.md"
before, _, rest = readme.read_text().partition(begin)
_, found, after = rest.partition(end)
if not found:
    sys.exit(f"{readme}: want the two lines {begin} and {end}")
readme.write_text(f"{before}{begin}\n{source.read_text().strip()}\n{end}{after}")
