import { asJSON, asPNG, asSVG } from "./download.js";
import { decode, merge, places, select } from "./segments.js";

const $ = id => document.getElementById(id);
const state = {
  model: null, token: sessionStorage.getItem("token") ?? "",
  answer: null, name: "image", bitmap: null, // of the image at hand
  segments: [], map: null, places: [],       // what the thresholds give; map has ids
  hidden: new Set(), near: 0, alone: 0,      // classes; ids
  keys: false,                               // moved last: a page that scrolls below a resting pointer moves nothing
};

// Asking the server.

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (state.token) headers.Authorization = `Bearer ${state.token}`;
  const response = await fetch(path, { ...options, headers });
  if (response.ok) return response.json();
  const text = await response.json().then(e => e.error).catch(() => response.statusText);
  $("token").hidden = response.status !== 401;
  throw new Error(text);
}

async function start() {
  try {
    state.model = await ask("v1/model");
  } catch (e) {
    return fail(e);
  }
  const m = state.model;
  $("model").textContent = `${m.name}: ${m.task} segmentation, ${m.classes.length} classes, ${m.width}\u00a0×\u00a0${m.height}`;
  $("model").title = [m.backend, ...m.assumed].join("\n");
  $("score").value = m.score;
  $("overlap").value = m.overlap;
  $("scorerow").hidden = m.task === "semantic";
  $("overlaprow").hidden = m.task !== "panoptic";
  fail();
}

function fail(error, what = "The server does not answer.") {
  $("error").hidden = !error;
  $("what").textContent = error ? what : "";
  $("why").textContent = error ? error.message.replace(/^image: /, "") : "";
}

async function open(file) {
  if (!file || !state.model || !$("busy").hidden) return;
  fail();
  const done = busy();
  try {
    if (file.size > state.model.body) throw new Error(`The file has ${file.size} bytes; the server takes ${state.model.body}.`);
    const least = state.model.task === "panoptic" ? `?candidates=true` : state.model.task === "instance" ? "?score=0.05" : "";
    const drawn = createImageBitmap(file).catch(() => null); // a TIFF, which few browsers show
    const asked = ask("v1/segment" + least, { method: "POST", body: file });
    asked.catch(() => {}); // until it is waited for
    preview(await drawn);
    const answer = await asked, bitmap = await drawn;
    for (const one of answer.candidates?.list ?? []) one.mask = decode(one.takes);
    for (const one of answer.segments) one.mask = decode(one.segmentation);
    Object.assign(state, { answer, bitmap, name: (file.name ?? "image").replace(/\.[^.]*$/, ""), near: 0, alone: 0 });
    state.hidden.clear();
    show();
  } catch (e) {
    fail(e, `${file.name ?? "The image"} was not segmented.`);
  }
  $("preview").hidden = true;
  done();
}

// busy shows how long the server has worked; what it returns ends that.
function busy() {
  const began = performance.now(), tell = () => { $("elapsed").textContent = `${((performance.now() - began) / 1000).toFixed(1)} s`; };
  tell();
  $("status").textContent = "segmenting";
  $("busy").hidden = false;
  const clock = setInterval(tell, 100);
  return () => { clearInterval(clock); $("busy").hidden = true; };
}

// preview shows the image that the server works on.
function preview(bitmap) {
  const canvas = $("preview");
  canvas.hidden = !bitmap;
  if (!bitmap) return;
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
}

// Showing the answer.

function show() {
  const { width: w, height: h } = state.answer;
  $("empty").hidden = true;
  $("view").hidden = $("panel").hidden = false;
  document.querySelector("main").classList.add("found");
  for (const id of ["photo", "paint"]) Object.assign($(id), { width: w, height: h });
  if (state.bitmap) $("photo").getContext("2d").drawImage(state.bitmap, 0, 0, w, h);
  if (state.model.task === "panoptic") $("score").min = Math.ceil(state.answer.candidates.least * 100) / 100;
  if (state.model.task === "instance") $("score").min = 0.05;
  state.map = null;
  fit();
  apply();
  $("status").textContent = $("count").textContent;
}

// fit makes the image as large as the stage allows, at most eight times its size.
function fit() {
  if (!state.answer) return;
  const { width: w, height: h } = state.answer, stage = $("stage"), wide = matchMedia("(min-width: 56rem)").matches;
  const room = { w: stage.clientWidth - (wide ? 40 : 0), h: wide ? stage.clientHeight - 40 : innerHeight * 0.62 };
  const scale = Math.min(room.w / w, room.h / h, 8);
  $("view").style.width = `${Math.floor(w * scale)}px`;
  $("view").style.height = `${Math.floor(h * scale)}px`;
  stage.style.padding = wide ? "" : "0";
  for (const id of ["photo", "paint"]) $(id).style.imageRendering = scale > 2 ? "pixelated" : "";
  if (state.map) { edges(); names(); }
}

// apply computes the segments of the thresholds, and shows them.
function apply() {
  const score = Number($("score").value), overlap = Number($("overlap").value), before = state.segments.find(s => s.id === state.alone);
  const found = state.answer.candidates ? merge(state.answer, state.model.classes, score, overlap) : select(state.answer, score);
  Object.assign(state, found, { near: 0, places: places(found.map, state.answer.width, state.answer.height, found.segments.length) });
  state.alone = before ? (state.segments.find(s => s.class_index === before.class_index && s.score === before.score)?.id ?? 0) : 0;
  shades();
  labels();
  list();
  draw();
}

// shades gives segments of one class different colours: its own, then lighter and darker.
function shades() {
  const seen = new Map();
  for (const s of state.segments) {
    const n = seen.get(s.class_index) ?? 0;
    seen.set(s.class_index, n + 1);
    const rgb = [1, 3, 5].map(i => parseInt(s.color.slice(i, i + 2), 16));
    const to = n % 2 ? 255 : 0, by = Math.min(0.6, Math.ceil(n / 2) * 0.18);
    s.rgb = rgb.map(v => Math.round(v + (to - v) * by));
  }
}

const percent = v => `${Math.round(v * 100)} %`;
const share = s => { const p = 100 * s.area / (state.answer.width * state.answer.height); return p < 1 ? "< 1 %" : `${Math.round(p)} %`; };
const visible = s => !state.hidden.has(s.class_index) && (!state.alone || state.alone === s.id);

function labels() {
  $("scoreis").textContent = percent($("score").value);
  $("overlapis").textContent = percent($("overlap").value);
  $("opacityis").textContent = percent($("opacity").value);
  const cut = Number($("compare").value);
  $("compareis").textContent = cut ? percent(cut) : "off";
  $("view").style.setProperty("--cut", `${cut * 100}%`);
  $("split").hidden = !cut;
  $("paint").style.opacity = $("opacity").value;
  $("time").textContent = `${state.answer.width} × ${state.answer.height} pixels, ${Math.round(state.answer.milliseconds)} ms on the server; thresholds are applied here`;
}

// list shows the classes, each with its segments.
function list() {
  const groups = Map.groupBy(state.segments, s => s.class_index);
  const order = [...groups.values()].sort((a, b) => b.reduce((n, s) => n + s.area, 0) - a.reduce((n, s) => n + s.area, 0));
  const rows = order.flatMap(group => group.sort((a, b) => b.area - a.area).map((s, i) => row(s, i, group.length)));
  $("list").replaceChildren(...rows);
  $("count").textContent = `${state.segments.length} segment${state.segments.length === 1 ? "" : "s"}`;
  $("none").hidden = state.segments.length > 0;
  $("columns").hidden = !state.segments.length;
  $("scored").hidden = state.model.task === "semantic";
  mark();
}

function row(s, i, n) {
  const li = document.createElement("li"), button = document.createElement("button");
  const box = document.createElement("label");
  if (i === 0) {
    const check = Object.assign(document.createElement("input"), { type: "checkbox", checked: !state.hidden.has(s.class_index) });
    check.setAttribute("aria-label", `show ${s.class}`);
    check.addEventListener("change", () => toggle(s.class_index));
    box.append(check);
  } else {
    box.style.visibility = "hidden";
    box.append(Object.assign(document.createElement("input"), { type: "checkbox", disabled: true, tabIndex: -1 }));
  }
  li.classList.toggle("off", state.hidden.has(s.class_index));
  const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
  swatch.style.background = `rgb(${s.rgb})`;
  const name = Object.assign(document.createElement("span"), { className: "name", textContent: n > 1 ? `${s.class} ${i + 1}` : s.class });
  const what = text => Object.assign(document.createElement("span"), { className: "what", textContent: text });
  button.append(swatch, name, ...(s.score === undefined ? [] : [what(percent(s.score))]), what(share(s)));
  button.type = "button";
  button.dataset.id = s.id;
  s.label = name.textContent;
  button.addEventListener("click", () => isolate(s.id));
  for (const event of ["pointermove", "focus"]) button.addEventListener(event, () => point(s.id));
  button.addEventListener("pointerleave", () => { if (!state.keys) point(0); });
  li.append(box, button);
  return li;
}

function mark() {
  for (const button of $("list").querySelectorAll("button")) {
    const id = Number(button.dataset.id);
    button.classList.toggle("near", id === state.near);
    button.setAttribute("aria-pressed", String(id === state.alone));
  }
  $("all").disabled = !state.alone && !state.hidden.size;
}

// draw colours the segments.
function draw() {
  const { width: w, height: h } = state.answer, { map } = state;
  const colors = new Uint32Array(state.segments.length + 1), pack = (r, g, b, a) => (a << 24 | b << 16 | g << 8 | r) >>> 0;
  if (state.alone) colors.fill(pack(128, 128, 128, 200));
  for (const s of state.segments) if (visible(s)) colors[s.id] = pack(...s.rgb, 255);
  const pixels = new ImageData(w, h), out = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < map.length; i++) out[i] = colors[map[i]];
  $("paint").getContext("2d").putImageData(pixels, 0, 0);
  edges();
  names();
}

// names writes the segments' names where these are widest, if there is room.
function names() {
  if (!$("name").checked) return $("names").replaceChildren();
  const { width: w, height: h } = state.answer, scale = $("view").clientWidth / w, at = state.places;
  $("names").replaceChildren(...state.segments.filter(s => visible(s) && at[s.id].room * scale > 11).map(s => {
    const name = Object.assign(document.createElement("span"), { textContent: s.label });
    name.dataset.id = s.id;
    Object.assign(name.style, { left: `${100 * at[s.id].x / w}%`, top: `${100 * at[s.id].y / h}%`, maxWidth: `${Math.max(72, 2.4 * at[s.id].room * scale)}px` });
    return name;
  }));
}

// edges draws the outlines at the resolution of the screen, that of the segment which is
// pointed at thicker.
function edges() {
  const { width: w, height: h } = state.answer, { map, near } = state, dots = Math.min(devicePixelRatio, 2);
  const W = Math.max(1, Math.round($("view").clientWidth * dots)), H = Math.max(1, Math.round($("view").clientHeight * dots));
  Object.assign($("lines"), { width: W, height: H });
  const shown = new Uint8Array(state.segments.length + 1);
  for (const s of state.segments) shown[s.id] = visible(s) ? 1 : 0;
  const column = Int32Array.from({ length: W }, (_, x) => Math.floor((x + 0.5) * w / W)), ids = new Uint16Array(W * H);
  for (let y = 0; y < H; y++) {
    const row = Math.floor((y + 0.5) * h / H) * w;
    for (let x = 0; x < W; x++) ids[y * W + x] = map[row + column[x]];
  }
  const pixels = new ImageData(W, H), out = new Uint32Array(pixels.data.buffer);
  const ink = (x, y, reach, color) => {
    for (let v = Math.max(0, y - reach); v <= Math.min(H - 1, y + reach); v++)
      for (let u = Math.max(0, x - reach); u <= Math.min(W - 1, x + reach); u++) out[v * W + u] = color;
  };
  const late = []; // on top of the others
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const i = y * W + x, id = ids[i], right = x + 1 < W ? ids[i + 1] : id, below = y + 1 < H ? ids[i + W] : id;
      if (id === right && id === below) continue;
      if (near && (id === near || right === near || below === near)) late.push(x, y);
      else if (shown[id] || shown[right] || shown[below]) ink(x, y, Math.floor(dots / 2), 0xd0ffffff);
    }
  for (let i = 0; i < late.length; i += 2) ink(late[i], late[i + 1], Math.round(2 * dots), 0xb0000000);
  for (let i = 0; i < late.length; i += 2) ink(late[i], late[i + 1], Math.round(dots), 0xffffffff);
  $("lines").getContext("2d").putImageData(pixels, 0, 0);
}

// What people do.

function point(id, x, y) {
  const s = state.segments.find(s => s.id === id);
  if (state.near !== id) {
    state.near = id;
    mark();
    edges();
  }
  $("tip").hidden = !s;
  for (const name of $("names").children) name.hidden = Number(name.dataset.id) === id; // the tip has it
  if (!s) return;
  $("tip").textContent = s.label + (s.score === undefined ? "" : ` · ${percent(s.score)}`) + ` · ${share(s)}`;
  if (x === undefined) [x, y] = middle(id);
  const view = $("view"), tip = $("tip");
  const left = Math.max(0, Math.min(x + 12, view.clientWidth - tip.offsetWidth)), top = y + 18 + tip.offsetHeight > view.clientHeight ? y - tip.offsetHeight - 8 : y + 18;
  tip.style.translate = `${left}px ${Math.max(0, top)}px`;
}

// middle is on the page where a segment is widest.
function middle(id) {
  const scale = $("view").clientWidth / state.answer.width, { x, y } = state.places[id];
  return [x * scale, y * scale];
}

function isolate(id) {
  state.alone = state.alone === id ? 0 : id;
  const s = state.segments.find(s => s.id === id);
  if (state.alone && s) state.hidden.delete(s.class_index);
  $("status").textContent = state.alone ? `${s.label} alone` : "all segments";
  list();
  draw();
}

function toggle(index) {
  if (!state.hidden.delete(index)) state.hidden.add(index);
  if (state.segments.find(s => s.id === state.alone)?.class_index === index) state.alone = 0;
  const focused = document.activeElement?.getAttribute("aria-label");
  list();
  draw();
  if (focused) $("list").querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

function showAll() {
  state.hidden.clear();
  state.alone = 0;
  point(0);
  list();
  draw();
}

function idAt(event) {
  const box = $("view").getBoundingClientRect(), { width: w, height: h } = state.answer;
  const x = Math.floor((event.clientX - box.left) / box.width * w), y = Math.floor((event.clientY - box.top) / box.height * h);
  const id = x >= 0 && y >= 0 && x < w && y < h ? state.map[y * w + x] : 0;
  const s = state.segments.find(s => s.id === id);
  return { id: s && visible(s) ? id : 0, under: id, x: event.clientX - box.left, y: event.clientY - box.top };
}

$("view").addEventListener("pointermove", e => {
  const at = idAt(e);
  point(e.target === $("split") ? 0 : at.id, at.x, at.y);
});
$("view").addEventListener("pointerleave", () => { if (!state.keys) point(0); });
addEventListener("pointermove", e => {
  if (e.movementX || e.movementY || e.pointerType === "touch") state.keys = false;
  else if (state.keys) e.stopPropagation();
}, { capture: true });
$("view").addEventListener("click", e => {
  if (e.target === $("split")) return;
  const at = idAt(e);
  if (state.alone && at.under !== state.alone) return showAll();
  if (at.id) isolate(at.id);
});

function step(by) {
  const ids = [...$("list").querySelectorAll("button")].map(b => Number(b.dataset.id)).filter(id => !state.hidden.has(state.segments.find(s => s.id === id).class_index));
  if (!ids.length) return;
  const at = ids.indexOf(state.near);
  state.keys = true;
  const id = ids[(at + by + (at < 0 && by < 0 ? 1 : 0) + ids.length) % ids.length];
  point(id);
  $("list").querySelector(`button[data-id="${id}"]`).scrollIntoView({ block: "nearest" });
  $("status").textContent = $("tip").textContent;
}

addEventListener("keydown", e => {
  if (!state.answer || e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input[type=password]")) return;
  const slider = e.target.matches("input[type=range]"), press = e.target.matches("button, input");
  const near = state.near || state.alone, s = state.segments.find(s => s.id === near);
  const keys = {
    ArrowRight: !slider && (() => step(1)), ArrowDown: !slider && e.target === $("view") && (() => step(1)),
    ArrowLeft: !slider && (() => step(-1)), ArrowUp: !slider && e.target === $("view") && (() => step(-1)),
    Enter: !press && near && (() => isolate(near)), Escape: showAll,
    h: s && (() => toggle(s.class_index)),
    "+": () => nudge(0.05), "=": () => nudge(0.05), "-": () => nudge(-0.05),
    n: () => { $("name").checked = !$("name").checked; names(); },
    o: () => $("view").classList.add("original"),
  };
  const act = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (!act) return;
  e.preventDefault();
  act();
});
addEventListener("keyup", e => { if (e.key.toLowerCase() === "o") $("view").classList.remove("original"); });

function nudge(by) {
  if ($("scorerow").hidden) return;
  $("score").value = Math.round((Number($("score").value) + by) * 100) / 100;
  apply();
  $("status").textContent = `confidence ${percent($("score").value)}, ${$("count").textContent}`;
}

let waiting = 0;
for (const id of ["score", "overlap"]) $(id).addEventListener("input", () => {
  labels();
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(apply);
});
for (const id of ["opacity", "compare"]) $(id).addEventListener("input", labels);
$("all").addEventListener("click", showAll);
$("name").addEventListener("change", names);
$("dismiss").addEventListener("click", () => fail());

// The divider follows a finger or the pointer.
$("split").addEventListener("pointerdown", e => { $("split").setPointerCapture(e.pointerId); e.preventDefault(); });
$("split").addEventListener("pointermove", e => {
  if (!$("split").hasPointerCapture(e.pointerId)) return;
  const box = $("view").getBoundingClientRect();
  $("compare").value = Math.min(1, Math.max(0.01, (e.clientX - box.left) / box.width));
  labels();
});
new ResizeObserver(fit).observe($("stage"));

// Ways to bring an image.

$("choose").addEventListener("click", () => $("file").click());
$("empty").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", e => { open(e.target.files[0]); e.target.value = ""; });
addEventListener("paste", e => open([...e.clipboardData.files].find(f => f.type.startsWith("image/"))));
for (const event of ["dragenter", "dragover"]) addEventListener(event, e => { e.preventDefault(); $("stage").classList.add("over"); });
for (const event of ["dragleave", "drop"]) addEventListener(event, e => { e.preventDefault(); $("stage").classList.remove("over"); });
addEventListener("drop", e => open(e.dataTransfer.files[0]));
$("token").addEventListener("submit", e => {
  e.preventDefault();
  state.token = $("secret").value;
  sessionStorage.setItem("token", state.token);
  $("token").hidden = true;
  start();
});

// Downloads.

function save(blob, kind) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${state.name}.${kind}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// picture is what is shown, for the downloads.
const picture = () => ({
  answer: state.answer, map: state.map, segments: state.segments.filter(visible), score: Number($("score").value), overlap: Number($("overlap").value),
  photo: state.bitmap ? $("photo") : null, paint: $("paint"), lines: $("lines"), opacity: Number($("opacity").value),
});

$("json").addEventListener("click", () => save(new Blob([asJSON(picture())], { type: "application/json" }), "json"));
$("svg").addEventListener("click", () => save(new Blob([asSVG(picture())], { type: "image/svg+xml" }), "svg"));
$("png").addEventListener("click", async () => save(await asPNG(picture()), "png"));

// For the check in a browser: what the page shows.
globalThis.shown = () => ({ segments: state.segments.map(({ class: name, score, area, id }) => ({ name, score, area, id })), near: state.near, alone: state.alone });

start();
