"""Picks the five rows of the speed tables that README shows.

    python scripts/peers/summary.py PEERS.md
"""

import pathlib
import sys


def tables(text):
    """Rows of cells, without headers, by the title above them."""
    found, title = {}, ""
    for line in text.splitlines():
        if line.startswith("### "):
            title = line[4:]
        elif line.startswith("|") and not line.startswith("|---"):
            found.setdefault(title, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def row(rows, *cells):
    """The first row that begins with these cells, or holds them in its first columns."""
    for candidate in rows:
        if all(any(candidate[i].startswith(cell) for i in range(3)) for cell in cells):
            return candidate
    sys.exit(f"no row {cells}")


found = tables(pathlib.Path(sys.argv[1]).read_text())
model, data, notes, metrics = (found.get(name, []) for name in ("Model and training step", "Data", "Annotations", "Metrics"))
print("| work | peer | times the peer's speed |\n|---|---|---|")
for work, side, title in (("forward", "this project", "inference, EoMT-S at 640 px"),
                          ("forward", "this project, -engine ort", "inference, EoMT-S at 640 px, `-engine ort`"),
                          ("step", "this project", "training step, EoMT-S at 640 px")):
    if any(cells[1] == side for cells in model):
        print(f"| {title} | eager PyTorch | {row(model, work, side)[3].split()[0]} |")
if data:
    print(f"| loading and augmenting COCO images, one core | the reference's pipeline (PIL, torchvision) | {row(data, 'eomt')[-1]} |")
if notes:
    print(f"| opening COCO's training annotations | pycocotools | {row(notes, 'eomt, from zips')[-1]} |")
if metrics:
    print(f"| mask AP | pycocotools | {row(metrics, 'mask AP', '0,1', 'pycocotools')[4]} |")
