// What is shown, computed from an answer of the server without asking it again.

// A mask is an array of ascending [begin, end) pairs of column-major pixels.
export function decode({ size: [h, w], counts }) {
  const runs = [];
  for (let i = 0; i < counts.length;) {
    let x = 0, k = 0, more = true;
    while (more) {
      const c = counts.charCodeAt(i++) - 48;
      x |= (c & 31) << (5 * k++);
      more = (c & 32) !== 0;
      if (!more && c & 16) x |= -1 << (5 * k);
    }
    if (runs.length > 2) x += runs[runs.length - 2];
    runs.push(x);
  }
  const spans = [];
  for (let i = 0, at = 0; i < runs.length; at += runs[i++]) if (i % 2 && runs[i]) spans.push(at, at + runs[i]);
  return { w, h, spans };
}

// fill writes a value into a row-major map.
export function fill(map, mask, value) {
  const { w, h, spans } = mask;
  for (let s = 0; s < spans.length; s += 2)
    for (let at = spans[s]; at < spans[s + 1]; at++) map[(at % h) * w + Math.floor(at / h)] = value;
}

// merge is the panoptic segments of thresholds, as the server merges them: candidates
// come by descending score, and takes are the pixels that each takes from those before.
export function merge(answer, classes, score, overlap) {
  const { width: w, height: h } = answer, list = answer.candidates.list;
  const threshold = Math.fround(score);
  let kept = 0;
  while (kept < list.length && list[kept].score > threshold) kept++;
  const owner = new Uint16Array(w * h), shown = new Uint32Array(kept + 1);
  for (let k = 0; k < kept; k++) fill(owner, list[k].mask, k + 1);
  for (const k of owner) shown[k]++;
  const order = [...Array(kept).keys()].sort((a, b) => list[a].order - list[b].order);
  const number = new Uint16Array(kept + 1), segments = [], stuff = new Map();
  for (const k of order) {
    const c = list[k];
    if (!c.area || !shown[k + 1] || list[kept - 1].wins[k] / c.area < overlap) continue;
    const joined = stuff.get(c.class_index);
    if (joined) {
      number[k + 1] = joined.id;
      joined.area += shown[k + 1];
      joined.score = Math.max(joined.score, c.score);
      continue;
    }
    const row = classes[c.class_index];
    const one = { id: segments.length + 1, class: row.name, class_index: c.class_index, category_id: row.id, thing: row.thing, color: row.color, score: c.score, area: shown[k + 1] };
    segments.push(one);
    number[k + 1] = one.id;
    if (!row.thing) stuff.set(c.class_index, one);
  }
  const map = owner; // in place
  for (let i = 0; i < map.length; i++) map[i] = number[map[i]];
  return { segments, map };
}

// select is the segments of a task without candidates that reach a score, small ones on top.
export function select(answer, score) {
  const segments = answer.segments.filter(s => s.score === undefined || s.score >= score).map((s, i) => ({ ...s, id: i + 1 }));
  const map = new Uint16Array(answer.width * answer.height);
  for (const s of [...segments].sort((a, b) => b.area - a.area)) fill(map, s.mask, s.id);
  return { segments, map };
}

// places are, for each of n values, the pixel that is farthest from others and the edge,
// and how far: by walking over a coarse copy of the map twice.
export function places(map, w, h, n) {
  const step = Math.max(1, Math.ceil(Math.max(w, h) / 240)), W = Math.ceil(w / step), H = Math.ceil(h / step);
  const value = (x, y) => x < 0 || y < 0 || x >= W || y >= H ? -1 : map[y * step * w + x * step];
  const far = new Float32Array(W * H), best = Array.from({ length: n + 1 }, () => ({ x: w / 2, y: h / 2, room: 0 }));
  const walk = (x, y, around) => {
    const here = value(x, y);
    let d = far[y * W + x] || Infinity;
    for (const [u, v, by] of around) d = Math.min(d, value(x + u, y + v) === here ? far[(y + v) * W + x + u] + by : by);
    far[y * W + x] = d;
    return d;
  };
  const before = [[-1, 0, 1], [0, -1, 1], [-1, -1, 1.41], [1, -1, 1.41]], after = before.map(([x, y, by]) => [-x, -y, by]);
  for (let y = 0; y < H; y++) for (let x = 0; x < W; x++) walk(x, y, before);
  for (let y = H - 1; y >= 0; y--)
    for (let x = W - 1; x >= 0; x--) {
      const room = walk(x, y, after) * step, one = best[value(x, y)];
      if (room > one.room) Object.assign(one, { x: Math.min(w, (x + 0.5) * step), y: Math.min(h, (y + 0.5) * step), room });
    }
  return best;
}

// encode is COCO's compressed run lengths of the pixels that have a value.
export function encode(map, w, h, value) {
  const runs = [];
  let run = 0, inside = false;
  for (let x = 0; x < w; x++)
    for (let y = 0; y < h; y++) {
      if ((map[y * w + x] === value) !== inside) { runs.push(run); run = 0; inside = !inside; }
      run++;
    }
  runs.push(run);
  let counts = "";
  runs.forEach((v, i) => {
    let x = i > 2 ? v - runs[i - 2] : v, more = true;
    while (more) {
      let c = x & 31;
      x >>= 5;
      more = c & 16 ? x !== -1 : x !== 0;
      counts += String.fromCharCode((more ? c | 32 : c) + 48);
    }
  });
  return { size: [h, w], counts };
}

// outline is an SVG path around the pixels that have a value.
export function outline(map, w, h, value) {
  const is = (x, y) => x >= 0 && y >= 0 && x < w && y < h && map[y * w + x] === value;
  const edges = new Map(), at = (x, y) => y * (w + 1) + x; // from a corner to the next, the inside on the right
  const add = (from, to) => edges.has(from) ? edges.get(from).push(to) : edges.set(from, [to]);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      if (!is(x, y)) continue;
      if (!is(x, y - 1)) add(at(x, y), at(x + 1, y));
      if (!is(x + 1, y)) add(at(x + 1, y), at(x + 1, y + 1));
      if (!is(x, y + 1)) add(at(x + 1, y + 1), at(x, y + 1));
      if (!is(x - 1, y)) add(at(x, y + 1), at(x, y));
    }
  let path = "";
  for (const first of edges.keys())
    while (edges.get(first).length) {
      let corner = first, step = 0;
      do {
        const next = edges.get(corner).pop(), x = corner % (w + 1), y = Math.floor(corner / (w + 1));
        if (next - corner !== step) path += `${step ? "L" : "M"}${x} ${y}`;
        step = next - corner;
        corner = next;
      } while (corner !== first);
      path += "Z";
    }
  return path;
}
