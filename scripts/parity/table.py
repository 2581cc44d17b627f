"""The one table of `make parity`.

Every comparison adds rows to a Table. Run alone, a comparison prints its own; run by run.sh it
leaves its rows in the file that EOMT_PARITY_ROWS names, and this script prints them all:

    python scripts/parity/table.py ROWS [--markdown FILE]

Rows of one component and reference, on several backends or of several seeds, become one with the
largest differences of all.
"""

import argparse
import json
import math
import os
import pathlib
import sys

KEY = "EOMT_PARITY_ROWS"
HEADER = "| component | checked against | on | largest difference, absolute | relative | tolerance | |\n|---|---|---|---|---|---|---|"


class Table:
    def __init__(self):
        self.rows = []

    def add(self, component, against, absolute, relative, tolerance, on="", unit="", kind="relative", ok=True):
        """One comparison. The tolerance is one of the relative or, by kind, of the absolute difference."""
        within = (absolute if kind == "absolute" else relative) <= tolerance  # not so for NaN
        row = dict(component=component, against=against, on=on, absolute=absolute, relative=relative, unit=unit,
                   tolerance=tolerance, kind=kind, ok=bool(ok and within))
        for known in self.rows:
            if (known["component"], known["against"]) == (component, against):
                known["absolute"], known["relative"] = larger(known["absolute"], absolute), larger(known["relative"], relative)
                known["ok"] &= row["ok"]
                if on not in known["on"].split(", "):
                    known["on"] += f", {on}"
                return
        self.rows.append(row)

    def finish(self):
        """Passes the rows on or prints them; returns the exit status."""
        if path := os.environ.get(KEY):
            with open(path, "a") as file:
                file.writelines(json.dumps(row) + "\n" for row in self.rows)
        else:
            print(self)
        return 0 if self.rows and all(row["ok"] for row in self.rows) else 1

    def __str__(self):
        lines = [HEADER]
        for r in self.rows:
            limit = "0" if r["tolerance"] == 0 else f"{r['tolerance']:g} {r['unit'] if r['kind'] == 'relative' else 'absolute'}".strip()
            lines.append(f"| {r['component']} | {r['against']} | {r['on']} | {r['absolute']:.1e} | {r['relative']:.1e} | "
                         f"{limit} | {'pass' if r['ok'] else '**FAIL**'} |")
        return "\n".join(lines).replace("0.0e+00", "0")


def larger(a, b):
    return a if math.isnan(a) or a >= b else b


def progress(text):
    print(f"parity: {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("--markdown", type=pathlib.Path)
    arguments = parser.parse_args()
    os.environ.pop(KEY, None)
    table = Table()
    for line in pathlib.Path(arguments.rows).read_text().splitlines():
        table.add(**json.loads(line))
    if arguments.markdown:
        arguments.markdown.write_text(f"{table}\n")
    status = table.finish()
    failed = sum(not row["ok"] for row in table.rows)
    progress(f"{len(table.rows)} comparisons, {failed} failed")
    sys.exit(status)


if __name__ == "__main__":
    main()
