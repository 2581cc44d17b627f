"""Compares the pixels of JPEG files with Pillow's, bit by bit.

    python scripts/parity/jpeg.py [--files 3000] [--seed 0]

Two kinds of files: of random coefficients in every layout that the decoder reads (sampling factors,
scans, restart markers, colours; data/decode/jpeg/jpegtest), and pictures that Pillow has encoded.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

from table import Table, progress

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def picture(rng):
    """Gradients, a sharp edge and noise."""
    h, w = (int(n) for n in rng.integers(1, 90, 2))
    y, x = np.mgrid[:h, :w]
    a = np.stack([3 * x, 255 - 2 * y, x + y], -1) + rng.normal(0, rng.choice([0, 5, 40]), (h, w, 3))
    a[(x - w // 2) ** 2 + (y - h // 3) ** 2 < (h // 4) ** 2] = rng.integers(0, 256, 3)
    return np.clip(a, 0, 255).astype(np.uint8)


def encode(rng, path):
    image = Image.fromarray(picture(rng))
    options = {"quality": int(rng.integers(1, 101)), "progressive": bool(rng.integers(2)), "optimize": bool(rng.integers(2))}
    if rng.integers(2):
        options["restart_marker_blocks"] = int(rng.integers(1, 9))
    kind = rng.choice(["L", "CMYK", "RGB", "kept", "RGB", "RGB"])
    if kind == "kept":
        options["keep_rgb"] = True
    else:
        image = image.convert(str(kind))
    if kind not in ("L", "kept"):
        options["subsampling"] = str(rng.choice(["4:4:4", "4:2:2", "4:2:0"]))
    image.save(path, **options)


def difference(path):
    """The largest difference from Pillow's pixels in levels."""
    raw = path.with_suffix(".rgb").read_bytes()
    w, h = np.frombuffer(raw[:8], "<u4")
    want = np.asarray(Image.open(path).convert("RGB"))
    if want.shape != (h, w, 3):
        return 255
    got = np.frombuffer(raw[8:], np.uint8).reshape(want.shape)
    return int(abs(got.astype(int) - want).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=3000, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    progress(f"JPEG: {2 * arguments.files} files from seed {arguments.seed} on")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for i in range(arguments.files):
            encode(np.random.default_rng(arguments.seed + i), folder / f"pillow{arguments.seed + i}.jpg")
        command = ["go", "run", "./scripts/parity/jpegfiles", "-files", arguments.files, "-seed", arguments.seed, folder]
        subprocess.run([str(c) for c in command], cwd=REPOSITORY, check=True)
        worst = 0
        for path in sorted(folder.glob("*.jpg")):
            levels = difference(path)
            if levels > 0:
                progress(f"{path.stem} differs by {levels} levels")
            worst = max(worst, levels)
    table = Table()
    table.add(f"JPEG pixels of {2 * arguments.files} generated files, bit for bit", "Pillow", worst, worst / 255, 0)
    sys.exit(table.finish())


if __name__ == "__main__":
    main()
