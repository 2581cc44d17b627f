"""Uses the page of cmd/serve in Chromium as people do, and fails on defects.

It is refused a file that is no image, drops and pastes one, points at segments, hides
classes, moves the threshold and compares what the page computes with the server's
answers, compares with the original, walks by keyboard, downloads and reads what came,
and does the same at phone width by touch, light and dark, with no network but the
server. See serve.sh.
"""

import argparse
import base64
import json
import pathlib
import struct
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

PASTE = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: carried }));
}"""

# The contrast of what people read with what lies below it (WCAG 2.1, 1.4.3), and what is too small for a finger.
SEEN = """touch => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }), found = [];
  const over = colors => { canvas.clearRect(0, 0, 1, 1); for (const c of colors) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); } return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const luminance = rgb => rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest('script, #names, #tip') || !e.checkVisibility() || e.closest(':disabled')) continue;
    const grounds = [];
    for (let p = e; p; p = p.parentElement) grounds.unshift(getComputedStyle(p).backgroundColor);
    const [a, b] = [luminance(over(grounds)), luminance(over([...grounds, getComputedStyle(e).color]))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`contrast of ${((a + 0.05) / (b + 0.05)).toFixed(1)}: ${e.textContent.trim().slice(0, 30)}`);
  }
  if (touch) for (const e of document.querySelectorAll('button, input, #list label')) {
    const box = (e.closest('label') ?? e).getBoundingClientRect();
    if (e.checkVisibility() && (box.height < 43.5 || box.width < 24)) found.push(`too small for a finger: ${e.id || e.textContent || e.ariaLabel} ${Math.round(box.width)} x ${Math.round(box.height)}`);
  }
  return found;
}"""

# Moves a slider as a hand does.
SLIDE = "([id, value]) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event('input', { bubbles: true })); return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))); }"
SHOWN = "() => globalThis.shown()"


class Check:
    def __init__(self, page, url, image, wrong, touch):
        self.page, self.url, self.image, self.wrong, self.touch = page, url, image, wrong, touch
        self.asked, self.expected = 0, 0  # requests for segments; refusals, which the console reports
        with urllib.request.urlopen(f"{url}/v1/model", timeout=PATIENCE / 1000) as response:
            self.task = json.load(response)["task"]

    def expect(self, good, what):
        if not good:
            self.wrong.append(what)

    def refused(self):
        """A file that is no image is named with the reason, and the page goes on."""
        self.page.wait_for_function("() => document.getElementById('model').textContent !== ''")
        self.expected += 1
        self.page.evaluate(DROP, ["notes.jpg", base64.b64encode(b"no image at all").decode()])
        self.page.wait_for_selector("#error", state="visible")
        text = self.page.inner_text("#error")
        self.expect("notes.jpg was not segmented" in text and "not a readable image" in text, f"a refused file is told as {text!r}")
        self.page.wait_for_selector("#busy", state="hidden")

    def paste(self):
        """A pasted image gives what a dropped one gave."""
        before = self.page.evaluate(SHOWN)["segments"]
        asked = self.asked
        self.page.evaluate(PASTE, ["image.png", base64.b64encode(self.image.read_bytes()).decode()])
        self.page.wait_for_function("() => document.getElementById('busy').hidden")
        self.expect(self.asked == asked + 1 and self.page.evaluate(SHOWN)["segments"] == before, "a pasted image gives other segments")

    def drop(self, shot):
        """While the server works, the page shows the image and the time; then segments."""
        page, held = self.page, []
        page.route("**/v1/segment*", lambda route: held.append(route))
        page.evaluate(DROP, [self.image.name, base64.b64encode(self.image.read_bytes()).decode()])
        page.wait_for_selector("#preview", state="visible")
        page.wait_for_function("() => parseFloat(document.getElementById('elapsed').textContent) > 0")
        while not held:
            page.wait_for_timeout(20)
        shot("-busy")
        held[0].continue_()
        page.unroute("**/v1/segment*")
        page.wait_for_selector("#list button", state="attached")
        page.wait_for_selector("#busy", state="hidden")
        self.expect(not page.locator("#error").is_visible(), "an error is shown beside segments")
        self.expect(not page.locator("#preview").is_visible(), "the image that was waited for stays")

    def server(self, score):
        request = urllib.request.Request(f"{self.url}/v1/segment?score={score}", data=self.image.read_bytes(), method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE / 1000) as response:
            return json.load(response)["segments"]

    def thresholds(self):
        """The page's segments are the server's, without another inference."""
        if self.task == "semantic":
            self.expect(not self.page.locator("#scorerow").is_visible(), "a task without scores has a threshold")
            return
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
        if self.touch:
            self.page.touchscreen.tap(box["x"] + fx * box["width"], box["y"] + fy * box["height"])
        else:
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
        named = "() => document.querySelectorAll('#names span').length"
        before = page.evaluate(named)
        page.keyboard.press("n")
        hidden = page.evaluate(named)
        page.keyboard.press("n")
        self.expect(before > 0 and hidden == 0 and page.evaluate(named) == before, f"N shows {before}, {hidden}, {page.evaluate(named)} names")
        if self.task == "semantic":
            return
        before = page.eval_on_selector("#score", "e => Number(e.value)")
        page.keyboard.press("+")
        self.expect(page.eval_on_selector("#score", "e => Number(e.value)") > before, "+ does not raise the threshold")
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
        split = self.page.locator("#split")
        self.expect(split.is_visible(), "the comparison has no divider")
        box, view = split.bounding_box(), self.page.locator("#view").bounding_box()
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(view["x"] + 0.7 * view["width"], y, steps=4)
        self.page.mouse.up()
        at = self.page.eval_on_selector("#compare", "e => Number(e.value)")
        self.expect(abs(at - 0.7) < 0.03, f"the divider is drawn to {at}, not 0.7")
        self.expect(self.page.evaluate(SHOWN)["alone"] == 0, "drawing the divider isolates a segment")

    def downloads(self):
        page, count = self.page, len(self.page.evaluate(SHOWN)["segments"])
        for kind in ("json", "png", "svg"):
            with page.expect_download() as waiting:
                page.locator(f"#{kind}").click()
            raw = pathlib.Path(waiting.value.path()).read_bytes()
            if kind == "json":
                self.json(json.loads(raw), count)
            elif kind == "png":
                size = struct.unpack(">II", raw[16:24])
                self.expect(raw.startswith(b"\x89PNG") and list(size) == self.size, f"the PNG has {size} pixels")
            else:
                paths = xml.dom.minidom.parseString(raw).getElementsByTagName("path")
                self.expect(len(paths) == count and all(p.getAttribute("d").startswith("M") for p in paths), "the SVG has other paths")

    def json(self, answer, count):
        self.expect(len(answer["segments"]) == count, "the JSON has other segments")
        self.size = [answer["width"], answer["height"]]
        for one in answer["segments"]:
            mask = one["segmentation"]
            self.expect(mask["size"] == self.size[::-1] and area(mask["counts"]) == one["area"], f"the mask of {one['class']} in the JSON has {area(mask['counts'])} pixels, not {one['area']}")

    def seen(self):
        for what in self.page.evaluate(SEEN, self.touch):
            self.wrong.append(what)

    def fits(self, width):
        wide = self.page.evaluate("() => document.documentElement.scrollWidth")
        self.expect(wide <= width, f"the page is {wide} px wide on a screen of {width}")


def area(counts):
    """Pixels of a mask in COCO's compressed run lengths."""
    runs, at = [], 0
    while at < len(counts):
        value = shift = 0
        while True:
            c = ord(counts[at]) - 48
            at += 1
            value |= (c & 31) << shift
            shift += 5
            if not c & 32:
                break
        if c & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return sum(runs[1::2])


def visit(browser, args, name, device, scheme):
    context = browser.new_context(**device, color_scheme=scheme, reduced_motion="reduce" if scheme == "dark" else "no-preference")
    wrong = []
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    check = Check(page, args.url, args.image, wrong, bool(device.get("has_touch")))

    def console(m):
        if m.type == "error" and "status of 422" in m.text and check.expected:
            check.expected -= 1
        elif m.type in ("error", "warning"):
            wrong.append(f"console {m.type}: {m.text}")

    page.on("console", console)
    page.on("pageerror", lambda e: wrong.append(f"script: {e}"))

    def shot(what):
        page.screenshot(path=args.out / f"{name}-{scheme}{what}.png")

    def request(r):
        check.asked += r.url.startswith(args.url + "/v1/segment")
        if not r.url.startswith((args.url, "data:", "blob:")):
            wrong.append(f"request to another host: {r.url[:80]}")

    page.on("request", request)
    page.goto(args.url, wait_until="load")
    shot("-empty")
    check.seen()
    check.refused()
    shot("-refused")
    check.seen()
    check.drop(shot)
    check.paste()
    check.seen()
    check.fits(device["viewport"]["width"])
    check.thresholds()
    shot("")
    check.hover()
    shot("-alone")
    check.keyboard()
    check.toggle()
    check.compare()
    shot("-compare")
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
