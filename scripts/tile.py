"""Tiles pictures into one of 256 colours, as README shows predictions. Needs Pillow.

    python scripts/tile.py --columns 3 --out docs/prediction.png PICTURE ...
"""

import argparse

from PIL import Image

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--columns", type=int, default=3)
parser.add_argument("--out", required=True)
parser.add_argument("pictures", nargs="+")
arguments = parser.parse_args()
pictures = [Image.open(path).convert("RGB") for path in arguments.pictures]
width, height = max(p.width for p in pictures), max(p.height for p in pictures)
rows = -(-len(pictures) // arguments.columns)
sheet = Image.new("RGB", (width * arguments.columns, height * rows), "white")
for i, picture in enumerate(pictures):
    sheet.paste(picture, (i % arguments.columns * width, i // arguments.columns * height))
sheet.quantize(256).save(arguments.out, optimize=True)
