"""Uses the page of cmd/serve in Chromium as people do, and fails on defects.

It drops an image, points at segments, hides classes, moves the threshold and
compares what the page computes with the server's answers, walks by keyboard,
downloads, and does the same at phone width, light and dark, with no network but the
server. See serve.sh.
"""

import argparse
import base64
import json
import pathlib
import sys
import urllib.request
import xml.dom.minidom

from playwright.sync_api import sync_playwright

DESKTOP = {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
PATIENCE = 120_000  # milliseconds; machines may be busy

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: name.endsWith(".png") ? "image/png" : "image/jpeg" }));
  const stage = document.getElementById("stage");
  for (const kind of ["dragenter", "dragover", "drop"])
    stage.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
}"""

# Moves a slider as a hand does.
SLIDE = "([id, value]) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event('input', { bubbles: true })); return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))); }"
SHOWN = "() => globalThis.shown()"


class Check:
    def __init__(self, page, url, image, wrong):
        self.page, self.url, self.image, self.wrong = page, url, image, wrong
        self.asked = 0

    def expect(self, good, what):
        if not good:
            self.wrong.append(what)

    def drop(self):
        data = base64.b64encode(self.image.read_bytes()).decode()
        self.page.wait_for_function("() => document.getElementById('model').textContent !== ''")
        self.page.evaluate(DROP, [self.image.name, data])
        self.page.wait_for_selector("#list button", state="attached")

    def server(self, score):
        request = urllib.request.Request(f"{self.url}/v1/segment?score={score}", data=self.image.read_bytes(), method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE / 1000) as response:
            return json.load(response)["segments"]

    def thresholds(self):
        """The page's segments are the server's, without another inference."""
        least = float(self.page.eval_on_selector("#score", "e => e.min"))
        seen = set()
        for score in (0.98, 0.9, 0.7, 0.5, 0.3, max(0.1, least)):
            before = self.asked
            self.page.evaluate(SLIDE, ["score", score])
            here = [(s["name"], s["area"], round(s["score"], 6)) for s in self.page.evaluate(SHOWN)["segments"]]
            self.expect(self.asked == before, f"the threshold {score} asked the server")
            there = [(s["class"], s["area"], round(s["score"], 6)) for s in self.server(score)]
            seen.add(len(here))
            self.expect(here == there, f"at the threshold {score} the page has {here}, the server {there}")
        self.expect(len(seen) > 1, f"the threshold changes nothing: {seen} segments")
        self.page.evaluate(SLIDE, ["score", 0.5])

    def hover(self):
        box = self.page.locator("#view").bounding_box()
        steps = [(x / 12, y / 12) for y in range(1, 12) for x in range(1, 12)]
        for fx, fy in steps:
            self.page.mouse.move(box["x"] + fx * box["width"], box["y"] + fy * box["height"])
            if self.page.evaluate(SHOWN)["near"]:
                break
        near = self.page.evaluate(SHOWN)["near"]
        self.expect(near > 0, "no segment lights up under the pointer")
        self.expect(self.page.locator("#tip").is_visible() and self.page.inner_text("#tip") != "", "the pointer shows no name")
        self.page.mouse.down()
        self.page.mouse.up()
        self.expect(self.page.evaluate(SHOWN)["alone"] == near, "a click does not isolate the segment")

    def keyboard(self):
        page = self.page
        page.locator("#view").focus()
        page.keyboard.press("Escape")
        self.expect(page.evaluate(SHOWN)["alone"] == 0, "Escape does not show all")
        page.keyboard.press("ArrowRight")
        first = page.evaluate(SHOWN)["near"]
        page.keyboard.press("ArrowRight")
        self.expect(first > 0, "the arrow keys reach no segment")
        page.keyboard.press("Enter")
        self.expect(page.evaluate(SHOWN)["alone"] > 0, "Enter does not isolate")
        page.keyboard.press("Escape")
        before = page.eval_on_selector("#score", "e => e.value")
        page.keyboard.press("+")
        self.expect(page.eval_on_selector("#score", "e => e.value") > before, "+ does not raise the threshold")
        page.evaluate(SLIDE, ["score", 0.5])

    def toggle(self):
        box = self.page.locator("#list input:not([disabled])").first
        painted = "() => { const c = document.getElementById('paint'), o = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true }); o.drawImage(c, 0, 0); const d = o.getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }"
        before = self.page.evaluate(painted)
        box.click()
        hidden = self.page.evaluate(painted)
        self.expect(hidden < before, "hiding a class leaves its pixels")
        self.page.locator("#list input:not([disabled])").first.click()
        self.expect(self.page.evaluate(painted) == before, "showing a class again differs")

    def compare(self):
        self.page.evaluate(SLIDE, ["compare", 0.4])
        self.expect(self.page.locator("#split").is_visible(), "the comparison has no divider")

    def downloads(self):
        page, count = self.page, len(self.page.evaluate(SHOWN)["segments"])
        for kind in ("json", "png", "svg"):
            with page.expect_download() as waiting:
                page.locator(f"#{kind}").click()
            raw = pathlib.Path(waiting.value.path()).read_bytes()
            if kind == "json":
                self.expect(len(json.loads(raw)["segments"]) == count, "the JSON has other segments")
            elif kind == "png":
                self.expect(raw.startswith(b"\x89PNG"), "the PNG is none")
            else:
                paths = xml.dom.minidom.parseString(raw).getElementsByTagName("path")
                self.expect(len(paths) == count and all(p.getAttribute("d").startswith("M") for p in paths), "the SVG has other paths")

    def fits(self, width):
        wide = self.page.evaluate("() => document.documentElement.scrollWidth")
        self.expect(wide <= width, f"the page is {wide} px wide on a screen of {width}")


def visit(browser, args, name, device, scheme):
    context = browser.new_context(**device, color_scheme=scheme)
    wrong = []
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    check = Check(page, args.url, args.image, wrong)
    page.on("console", lambda m: wrong.append(f"console {m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: wrong.append(f"script: {e}"))

    def request(r):
        check.asked += r.url.startswith(args.url + "/v1/segment")
        if not r.url.startswith((args.url, "data:", "blob:")):
            wrong.append(f"request to another host: {r.url[:80]}")

    page.on("request", request)
    page.goto(args.url, wait_until="load")
    page.screenshot(path=args.out / f"{name}-{scheme}-empty.jpg", type="jpeg", quality=80)
    check.drop()
    check.fits(device["viewport"]["width"])
    check.thresholds()
    page.screenshot(path=args.out / f"{name}-{scheme}.jpg", type="jpeg", quality=80)
    check.hover()
    page.screenshot(path=args.out / f"{name}-{scheme}-alone.jpg", type="jpeg", quality=80)
    check.keyboard()
    check.toggle()
    check.compare()
    page.screenshot(path=args.out / f"{name}-{scheme}-compare.jpg", type="jpeg", quality=80)
    check.downloads()
    check.fits(device["viewport"]["width"])
    context.set_offline(True)  # all of the page is there already
    page.evaluate(SLIDE, ["score", 0.6])
    check.keyboard()
    context.close()
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--chromium", required=True)
    args = parser.parse_args()
    args.url = args.url.rstrip("/")
    args.out.mkdir(parents=True, exist_ok=True)
    failed = False
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        for name, device in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                wrong = visit(browser, args, name, device, scheme)
                print(f"{name}, {scheme}: {'ok' if not wrong else ''}")
                for line in dict.fromkeys(wrong):
                    print(f"  {line}")
                failed = failed or bool(wrong)
        browser.close()
    print(f"screenshots: {args.out}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
