"""Inserts a generated file into a document between the two lines that mark its place.

    python scripts/insert.py DOCUMENT NAME FILE

The lines are `<!-- NAME: begin, written by scripts/insert.py -->` and `<!-- NAME: end -->`.
"""

import pathlib
import sys

document, name, source = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
begin, end = f"<!-- {name}: begin, written by scripts/insert.py -->", f"<!-- {name}: end -->"
before, _, rest = document.read_text().partition(begin)
_, found, after = rest.partition(end)
if not found:
    sys.exit(f"{document}: want the two lines {begin} and {end}")
document.write_text(f"{before}{begin}\n{source.read_text().strip()}\n{end}{after}")
