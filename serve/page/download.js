// Files of what is shown.

import { encode, outline } from "./segments.js";

export function asJSON({ answer, map, segments, score, overlap }) {
  const { width, height, task } = answer;
  const list = segments.map(({ mask, rgb, label, segmentation, ...s }) => ({ ...s, segmentation: segmentation ?? encode(map, width, height, s.id) }));
  return JSON.stringify({ task, width, height, score, overlap, segments: list }, null, 1);
}

export function asSVG({ answer, map, segments, photo, opacity }) {
  const { width: w, height: h } = answer, escape = text => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
  const paths = segments.map(s => `<path fill="rgb(${s.rgb})" d="${outline(map, w, h, s.id)}"><title>${escape(s.label)}</title></path>`);
  const picture = photo ? `<image width="${w}" height="${h}" href="${photo.toDataURL("image/jpeg", 0.9)}"/>\n` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}">\n${picture}<g fill-rule="evenodd" fill-opacity="${opacity}" stroke="#fff" stroke-width="${Math.max(1, w / 800)}">\n${paths.join("\n")}\n</g>\n</svg>\n`;
}

export function asPNG({ answer, photo, paint, lines, opacity }) {
  const canvas = Object.assign(document.createElement("canvas"), { width: answer.width, height: answer.height }), c = canvas.getContext("2d");
  if (photo) c.drawImage(photo, 0, 0);
  c.globalAlpha = opacity;
  c.drawImage(paint, 0, 0);
  c.globalAlpha = 1;
  c.drawImage(lines, 0, 0, canvas.width, canvas.height);
  return new Promise(done => canvas.toBlob(done, "image/png"));
}
