"""Writes data/decode/testdata: small generated images in many formats and, in
golden.json, what Pillow 11.3.0 (libjpeg-turbo 3.1.1, libwebp 1.5.0) and numpy
2.2.6 read from them; seed 1.

Run by hand from the repository root:
    python scripts/goldens/decode.py [REALDATA]
Given the folder of real samples, golden.json also gets their hashes and a few of
their pixels.
"""

import base64
import hashlib
import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image, ImageOps

OUT = pathlib.Path("data/decode/testdata")
rng = np.random.default_rng(1)
golden = {"images": {}, "oriented": {}, "labels": {}, "ids": {}, "real": {}}


def picture(w, h):
    """Smooth gradients, a sharp coloured edge and a little noise."""
    y, x = np.mgrid[:h, :w]
    a = np.stack([x * 255 // (w - 1), y * 255 // (h - 1), (x + y) * 255 // (w + h - 2)], -1)
    a[(x - w // 2) ** 2 + (y - h // 3) ** 2 < (h // 4) ** 2] = (230, 30, 60)
    return np.clip(a + rng.integers(-6, 7, a.shape), 0, 255).astype(np.uint8)


def raw(array, dtype):
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


def record(table, name, array, dtype):
    golden[table][name] = {"w": array.shape[1], "h": array.shape[0], "data": raw(array, dtype)}


def image(name, im, **options):
    im.save(OUT / name, **options)
    record("images", name, as_rgb(Image.open(OUT / name)), "u1")


def as_rgb(im):
    """convert("RGB"), but 16-bit gray keeps its high byte, where Pillow saturates."""
    if im.mode == "I;16":
        return np.repeat((np.asarray(im) >> 8).astype(np.uint8)[..., None], 3, -1)
    return np.asarray(im.convert("RGB"))


def labels(name, im, **options):
    im.save(OUT / name, **options)
    record("labels", name, np.asarray(Image.open(OUT / name)), "<u2")


OUT.mkdir(parents=True, exist_ok=True)
rgb = picture(37, 29)
im = Image.fromarray(rgb)
alpha = np.linspace(0, 255, 37 * 29).reshape(29, 37).astype(np.uint8)

for sub in ("4:4:4", "4:2:2", "4:2:0"):
    image(f"jpeg{sub.replace(':', '')}.jpg", im, quality=92, subsampling=sub)
image("jpeg420wide.jpg", Image.fromarray(picture(70, 5)), quality=85)
image("jpeg420thin.jpg", Image.fromarray(picture(4, 20)), quality=85)
image("progressive.jpg", im, quality=92, progressive=True)
image("restart.jpg", im, quality=92, restart_marker_blocks=2)
image("gray.jpg", im.convert("L"), quality=92)
image("cmyk.jpg", Image.fromarray(np.concatenate([rgb, 255 - alpha[..., None]], -1), "CMYK"), quality=95, subsampling="4:4:4")
image("jpegrgb.jpg", im, quality=92, keep_rgb=True)
im.save(OUT / "png_named.jpg", format="PNG")
record("images", "png_named.jpg", rgb, "u1")

image("rgb.png", im)
image("rgba.png", Image.fromarray(np.dstack([rgb, alpha])))
image("gray.png", im.convert("L"))
image("grayalpha.png", Image.merge("LA", (im.convert("L"), Image.fromarray(alpha))))
image("bit.png", im.convert("1"))
image("transparent.png", im, transparency=tuple(int(v) for v in rgb[0, 0]))
image("palette.png", im.quantize(200))
image("palette_transparent.png", im.quantize(16), transparency=3)
image("gray16.png", Image.fromarray((rgb[..., 0].astype(np.uint16) * 257 + 77).clip(0, 65535).astype(np.uint16)))
image("lossless.webp", im, lossless=True)
image("lossy.webp", im, quality=90)
image("lossy_alpha.webp", Image.fromarray(np.dstack([rgb, alpha])), quality=90)
image("rgb.tif", im)
image("deflate.tif", im, compression="tiff_adobe_deflate")
image("gray.tif", im.convert("L"))

for o in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = o
    name = f"oriented{o}.jpg"
    im.crop((0, 0, 16, 8)).save(OUT / name, quality=95, subsampling="4:4:4", exif=exif)
    record("images", name, np.asarray(Image.open(OUT / name).convert("RGB")), "u1")
    record("oriented", name, np.asarray(ImageOps.exif_transpose(Image.open(OUT / name)).convert("RGB")), "u1")
for name, options in {"oriented6.png": {}, "oriented6.webp": {"lossless": True}, "oriented6.tif": {}}.items():
    exif = Image.Exif()
    exif[0x0112] = 6
    im.crop((0, 0, 16, 8)).save(OUT / name, exif=exif, **options)
    record("oriented", name, np.asarray(ImageOps.exif_transpose(Image.open(OUT / name)).convert("RGB")), "u1")

map8 = (rng.integers(0, 256, (5, 7)).repeat(4, 0).repeat(4, 1)).astype(np.uint8)
labels("label8.png", Image.fromarray(map8))
labels("label16.png", Image.fromarray((map8.astype(np.uint16) * 251)))
labels("label1.png", Image.fromarray(map8 > 99))
for bits in (1, 2, 4, 8):
    p = Image.fromarray((map8.astype(int) % (1 << bits)).astype(np.uint8), "P")
    p.putpalette([int(v) for v in rng.integers(0, 256, 3 << bits)])
    labels(f"palette{bits}.png", p, bits=bits)
labels("label_transparent.png", Image.fromarray(map8), transparency=int(map8[0, 0]))

ids = rng.integers(0, 1 << 24, (4, 6)).repeat(5, 0).repeat(5, 1)
ids[:5, :5] = 0
ids[5:10, :5] = (1 << 24) - 1
map24 = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], -1).astype(np.uint8)
Image.fromarray(map24).save(OUT / "ids.png")
record("ids", "ids.png", ids, "<u4")
Image.fromarray(map24).quantize(256, dither=Image.Dither.NONE).save(OUT / "ids_palette.png")
back = np.asarray(Image.open(OUT / "ids_palette.png").convert("RGB"))
assert (back == map24).all(), "the palette lost a colour"
record("ids", "ids_palette.png", ids, "<u4")

# Pillow does not write 4:4:0. A row of 4:2:2 units holds the blocks of a row of
# 4:4:0 units, of half the width and twice the height.
row = io.BytesIO()
Image.fromarray(picture(16 * 5, 8)).save(row, "JPEG", quality=92, subsampling="4:2:2")
patched = bytearray(row.getvalue())
frame = patched.index(b"\xff\xc0")
patched[frame + 5 : frame + 9] = bytes([0, 16, 0, 8 * 5 - 3])  # height and width
assert patched[frame + 11] == 0x21
patched[frame + 11] = 0x12
(OUT / "jpeg440.jpg").write_bytes(patched)
record("images", "jpeg440.jpg", as_rgb(Image.open(OUT / "jpeg440.jpg")), "u1")

if len(sys.argv) > 1:
    root = pathlib.Path(sys.argv[1])
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".jpg", ".png")):
        im = Image.open(path)
        entry = {"mode": im.mode, "w": im.width, "h": im.height}
        a = as_rgb(im)
        entry["rgb"] = hashlib.sha256(a.tobytes()).hexdigest()
        flat = a.reshape(-1, 3)
        at = np.linspace(0, len(flat) - 1, 9).astype(int)
        entry["pixels"] = flat[at].tolist()
        if path.suffix == ".png" and im.mode in ("L", "P", "I;16"):
            entry["labels"] = hashlib.sha256(np.asarray(im).astype("<u2").tobytes()).hexdigest()
        golden["real"][path.relative_to(root).as_posix()] = entry

(OUT / "golden.json").write_text(json.dumps(golden, indent=0, sort_keys=True) + "\n")
