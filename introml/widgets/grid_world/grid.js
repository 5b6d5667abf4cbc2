// The grid as a picture: each cell's best entry as a tint and a number, its best actions as arrows,
// the cells of the last episode as a band, and where the learner stands.

import { fixed, picture, s } from "../kit/index.js";
import * as model from "./model.js";

const TURNS = [-90, 0, 90, 180]; // of an arrow that points right: up, right, down, left
const ARROW = "M-9 0H7M2 -5L8 0L2 5";
const LARGEST = 92; // pixels, of a cell
const STRONGEST = 0.5; // the opacity of the tint of 1 and of −1

/** A star of radius r around (0, 0). */
function star(r) {
  const points = Array.from({ length: 10 }, (_, i) => {
    const [angle, reach] = [(Math.PI * i) / 5, i % 2 ? 0.42 * r : r];
    return `${(reach * Math.sin(angle)).toFixed(1)} ${(-reach * Math.cos(angle)).toFixed(1)}`;
  });
  return `M${points.join("L")}Z`;
}

/** "0.59", "−0.10": what stands in a cell. */
const shown = (value) => fixed(Math.abs(value) < 0.005 ? 0 : value, 2);

/** grid({ width, place }) -> { svg, update({ table, path }) } */
export function grid({ width, place }) {
  const { rows, columns, start, prizes } = place;
  const side = Math.min(LARGEST, Math.floor((width - 4) / columns));
  const [wide, high] = [side * columns + 4, side * rows + 4];
  const svg = picture({
    width: wide,
    height: high,
    label: `A grid of ${rows} rows and ${columns} columns with what the learner expects in each cell`,
  });
  /** @returns {[number, number]} the middle of a cell */
  const middle = (cell) => [
    2 + side * ((cell % columns) + 0.5),
    2 + side * (Math.floor(cell / columns) + 0.5),
  ];

  function square(cell, value) {
    const [x, y] = middle(cell);
    const place = { x: x - side / 2, y: y - side / 2, width: side, height: side };
    const fill = value < 0 ? "bad" : "good";
    const opacity = STRONGEST * Math.min(1, Math.abs(value));
    return [
      s("rect", { ...place, style: { fill: "var(--iml-raised)" } }),
      s("rect", {
        ...place,
        "fill-opacity": opacity.toFixed(3),
        style: { fill: `var(--iml-${fill})`, stroke: "var(--iml-control)" },
      }),
    ];
  }

  function text(cell, words, { dy = 0, size = 13, weight = 400 } = {}) {
    const [x, y] = middle(cell);
    const style = { "font-size": `${size}px`, "font-weight": String(weight) };
    return s("text", { x, y: y + dy, "text-anchor": "middle", style }, words);
  }

  function prize(cell, value) {
    const [x, y] = middle(cell);
    const [good, dy] = [value > 0, side * 0.34];
    const mark = good ? star(side * (value < 1 ? 0.15 : 0.24)) : cross(side * 0.17);
    const paint = good
      ? { fill: "var(--iml-good)" }
      : { fill: "none", stroke: "var(--iml-bad)", "stroke-width": "3" };
    return [
      s("path", { d: mark, transform: `translate(${x} ${y - side * 0.1})`, style: paint }),
      text(cell, `${good ? "+" : "−"}${Math.abs(value)}`, { dy, weight: 700 }),
    ];
  }

  const cross = (r) => `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`;

  function arrows(cell, entries) {
    const best = model.bestActions(entries);
    if (best.length === entries.length) return [];
    const [x, y] = middle(cell);
    const scale = (side / 62).toFixed(2);
    return best.map((action) =>
      s("path", {
        d: ARROW,
        transform: `translate(${x} ${y + side * 0.12}) rotate(${TURNS[action]}) scale(${scale})`,
        fill: "none",
        "stroke-width": 2.2,
        "stroke-linejoin": "round",
        style: { stroke: "var(--iml-ink)" },
      }),
    );
  }

  function band(path) {
    const points = path.map((cell) =>
      middle(cell)
        .map((at) => at.toFixed(1))
        .join(" "),
    );
    return s("path", {
      d: `M${points.join("L")}`,
      fill: "none",
      "stroke-width": side * 0.2,
      "stroke-linejoin": "round",
      "stroke-linecap": "round",
      opacity: 0.3,
      style: { stroke: "var(--iml-training)" },
    });
  }

  function learner(cell) {
    const [x, y] = middle(cell);
    const style = { fill: "var(--iml-accent)", stroke: "var(--iml-paper)" };
    return s("circle", {
      cx: x + side * 0.3,
      cy: y + side * 0.3,
      r: side * 0.11,
      "stroke-width": 2,
      style,
    });
  }

  function update({ table, path }) {
    const parts = [];
    for (const [cell, entries] of table.entries()) {
      parts.push(...square(cell, prizes[cell] ?? Math.max(...entries)));
    }
    if (path.length > 1) parts.push(band(path));
    for (const [cell, entries] of table.entries()) {
      if (cell in prizes) {
        parts.push(...prize(cell, prizes[cell]));
        continue;
      }
      parts.push(...arrows(cell, entries));
      parts.push(
        text(cell, shown(Math.max(...entries)), { dy: -side * 0.26, size: side < 58 ? 11.5 : 13 }),
      );
      if (cell === start) {
        const [x, y] = middle(cell);
        const corner = { x: x - side / 2 + 5, y: y + side / 2 - 6 };
        parts.push(
          s("text", { ...corner, style: { "font-size": "12px", "font-weight": "700" } }, "S"),
        );
      }
    }
    parts.push(learner(path[path.length - 1]));
    svg.replaceChildren(...parts);
  }
  return { svg, update };
}
