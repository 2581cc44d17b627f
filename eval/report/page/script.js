'use strict';
// Comfort only: without it the page shows the same. Tables sort by a click on a
// heading, and figures tell the values under the pointer.
for (const table of document.querySelectorAll('table.sortable')) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener('click', () => {
      const falling = heading.getAttribute('aria-sort') !== 'descending' && heading.classList.contains('num');
      const rising = !falling && heading.getAttribute('aria-sort') !== 'ascending';
      headings.forEach(other => other.removeAttribute('aria-sort'));
      heading.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
      const body = table.tBodies[0];
      const value = row => {
        const cell = row.cells[column], data = cell.querySelector('data');
        const text = data ? data.value : cell.textContent;
        return heading.classList.contains('num') ? parseFloat(text) : text;
      };
      const order = (a, b) => {
        if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // dashes last
        const c = typeof a === 'number' ? a - b : a.localeCompare(b);
        return rising ? c : -c;
      };
      body.append(...[...body.rows].sort((a, b) => order(value(a), value(b))));
    });
  });
}

const inUnits = (svg, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
const short = v => v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e6) ? v.toExponential(2) : String(+v.toPrecision(3));

for (const svg of document.querySelectorAll('svg.chart')) {
  const output = svg.parentElement.querySelector('output');
  const lines = [...svg.querySelectorAll('.line')].map(line => ({
    name: line.dataset.name,
    points: line.getAttribute('d').split(/[ML]/).slice(1).map(p => p.split(' ').map(Number)),
  }));
  if (!output || !lines.some(line => line.points.length)) continue;
  const [left, right, bottom, top] = svg.dataset.frame.split(' ').map(Number);
  const [x0, x1, y0, y1] = svg.dataset.span.split(' ').map(Number);
  const step = x => Math.round(x0 + (x - left) / (right - left) * (x1 - x0));
  const value = y => {
    const part = (bottom - y) / (bottom - top);
    return svg.dataset.log === 'true' ? y0 * (y1 / y0) ** part : y0 + part * (y1 - y0);
  };
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  cursor.setAttribute('class', 'cursor');
  svg.append(cursor);
  svg.addEventListener('pointermove', event => {
    const at = inUnits(svg, event).x;
    const nearest = points => points.reduce((best, p) => Math.abs(p[0] - at) < Math.abs(best[0] - at) ? p : best);
    const found = lines.filter(line => line.points.length).map(line => [line.name, ...nearest(line.points)]);
    cursor.setAttribute('d', `M${found[0][1]} ${top}V${bottom}`);
    output.textContent = `step ${step(found[0][1])}: ` + found.map(([name, , y]) => `${name} ${short(value(y))}`.trim()).join(', ');
  });
  svg.addEventListener('pointerleave', () => { cursor.setAttribute('d', ''); output.textContent = '\u00a0'; });
}

for (const figure of document.querySelectorAll('figure.matrix')) {
  const { truth, predicted, shares } = JSON.parse(figure.querySelector('script').textContent);
  const percent = new Map((shares || []).map(([t, p, s]) => [t * predicted.length + p, s / 10]));
  const image = figure.querySelector('image'), output = figure.querySelector('output');
  image.addEventListener('pointermove', event => {
    const at = inUnits(image.ownerSVGElement, event), side = image.width.baseVal.value / predicted.length;
    const t = Math.floor(at.y / side), p = Math.floor(at.x / side);
    if (!(t in truth) || !(p in predicted)) return;
    output.textContent = `${truth[t]} predicted as ${predicted[p]}: ${percent.get(t * predicted.length + p) ?? '< 0.05'} %`;
  });
  image.addEventListener('pointerleave', () => { output.textContent = '\u00a0'; });
}
