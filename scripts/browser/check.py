"""Opens a report in Chromium at desktop and phone width, light and dark.

It fails on console messages, network requests, sections or figures that are
missing, empty or not decoded, horizontal scrolling, and text with too little
contrast. See check.sh.
"""

import argparse
import pathlib
import sys

from playwright.sync_api import sync_playwright

DESKTOP = {"viewport": {"width": 1280, "height": 900}, "device_scale_factor": 1}
PHONE = {"viewport": {"width": 375, "height": 812}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}

PATIENCE = 120_000  # milliseconds; machines may be busy

# What each section must contain if it is present.
FIGURES = {
    "results": "table",
    "curves": "svg.chart",
    "classes": "table",
    "confusion": "table, svg.heat",
    "examples": "img",
    "calibration": "svg.chart",
    "provenance": "dl",
    "commands": "pre",
}

# Runs in the page; returns a list of findings.
INSPECT = r"""
async ({figures, width}) => {
  const found = [];
  const where = e => `${e.closest('section')?.id ?? 'page'}: ${e.tagName.toLowerCase()} ${(e.alt || e.ariaLabel || e.textContent).trim().slice(0, 40)}`;
  for (const [id, selector] of Object.entries(figures)) {
    const section = document.getElementById(id);
    if (!section) continue;
    if (!section.querySelector(selector)) found.push(`section ${id} has no ${selector}`);
  }
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(link.hash.slice(1))) found.push(`the link ${link.hash} leads nowhere`);
  for (const e of document.querySelectorAll('img, svg')) {
    const box = e.getBoundingClientRect();
    if (getComputedStyle(e).display !== 'none' && !(box.width > 0 && box.height > 0)) found.push(`empty: ${where(e)}`);
    if (e.tagName === 'IMG' && !e.alt) found.push(`no alternative text: ${where(e)}`);
  }
  for (const svg of document.querySelectorAll('svg.chart'))
    if (!svg.querySelector('.line[d^="M"], .dot, .mark')) found.push(`nothing drawn: ${where(svg)}`);
  for (const source of [...document.querySelectorAll('img')].map(e => e.src)
      .concat([...document.querySelectorAll('svg image')].map(e => e.href.baseVal))) {
    const image = new Image();
    image.src = source;
    await image.decode().catch(() => found.push(`not decoded: ${source.slice(0, 60)}`));
  }
  // A phone zooms out of a wide page, so innerWidth says nothing there.
  if (document.documentElement.scrollWidth > width) {
    const wide = [...document.querySelectorAll('body *')].filter(e => !e.closest('.box') && e.getBoundingClientRect().right > width + 0.5);
    found.push(`scrolls to the side: ${document.documentElement.scrollWidth} > ${width} px, by ${wide.slice(0, 3).map(where).join('; ')}`);
  }

  // Contrast of text with what lies below it (WCAG 2.1, 1.4.3).
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const c of colors) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = rgb => rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const worst = new Map();
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest('script, style, title')) continue;
    const grounds = [];
    for (let p = e; p; p = p.parentElement) grounds.unshift(getComputedStyle(p).backgroundColor);
    const style = getComputedStyle(e), ground = over(grounds);
    const ink = over([...grounds, e.closest('svg') ? style.fill : style.color]);
    const [a, b] = [luminance(ground), luminance(ink)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) worst.set(`contrast of ${contrast.toFixed(1)}: ${where(e)}`, 1);
  }
  return found.concat([...worst.keys()].slice(0, 5));
}
"""


def inspect(browser, report, name, device, scheme, out):
    """Opens the report once; returns what is wrong."""
    context = browser.new_context(**device, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong = []
    page.on("console", lambda m: wrong.append(f"console {m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: wrong.append(f"script: {e}"))
    page.on("request", lambda r: wrong.append(f"request: {r.url[:80]}") if not r.url.startswith(("file:", "data:")) else None)
    page.goto(report.as_uri(), wait_until="load")
    wrong += page.evaluate(INSPECT, {"figures": FIGURES, "width": device["viewport"]["width"]})
    page.screenshot(path=out / f"{name}-{scheme}.png", full_page=True)
    if not wrong:
        wrong += exercise(page)
    context.close()
    return wrong


def exercise(page):
    """Sorts a table and points at a figure."""
    wrong = []
    heading = page.locator("table.sortable th.num button").last
    if heading.count():
        heading.click()
        values = page.eval_on_selector(
            "table.sortable:has(th[aria-sort])",
            "t => [...t.tBodies[0].rows].map(r => parseFloat(r.cells[r.cells.length - 1].querySelector('data').value)).filter(v => !isNaN(v))",
        )
        if values != sorted(values, reverse=True):
            wrong.append("a click on a heading does not sort the table")
    chart = page.locator("#curves svg.chart").first
    if chart.count():
        chart.hover()
        if "step" not in chart.locator("xpath=..").locator("output").inner_text():
            wrong.append("a figure does not tell the values under the pointer")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--chromium", required=True)
    parser.add_argument("--picture", type=pathlib.Path, help="write results and curves here, as a README shows them")
    args = parser.parse_args()
    if not args.report.is_file():
        sys.exit(f"browser: {args.report} is not there")
    args.out.mkdir(parents=True, exist_ok=True)
    report = args.report.resolve()
    failed = False
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        for name, device in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                wrong = inspect(browser, report, name, device, scheme, args.out)
                print(f"{name}, {scheme}: {'ok' if not wrong else ''}")
                for line in dict.fromkeys(wrong):
                    print(f"  {line}")
                failed = failed or bool(wrong)
        page = browser.new_context(**DESKTOP, offline=True).new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(report.as_uri())
        page.pdf(path=args.out / "print.pdf", format="A4", print_background=True, prefer_css_page_size=True)
        if args.picture:
            end = page.evaluate("(document.querySelector('#curves') ?? document.querySelector('#results')).getBoundingClientRect().bottom")
            page.screenshot(path=args.picture, clip={"x": 0, "y": 0, "width": 1280, "height": end + 24}, full_page=True)
        browser.close()
    print(f"screenshots: {args.out}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
