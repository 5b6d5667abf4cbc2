// The values as dots and the output among them: a weighted mean, seen from above.

import { plot, s } from "../kit/index.js";
import { named } from "./tables.js";

/** The direction, in radians, in the middle of the widest gap between these: room for a name. */
function widestGap(angles) {
  const sorted = [...angles].sort((a, b) => a - b);
  const gaps = sorted.map((a, i) => (sorted[i + 1] ?? sorted[0] + 2 * Math.PI) - a);
  const widest = gaps.indexOf(Math.max(...gaps));
  return sorted[widest] + gaps[widest] / 2;
}

/** The values as dots whose area is their weight, and the output, their weighted mean. */
export function mixture(ui) {
  // Beside Q, K and V of the default size where that leaves enough room, else below them.
  const beside = Math.min(330, ui.width - 465);
  const chart = plot({
    width: beside >= 210 ? beside : ui.width,
    height: 190,
    label: "The values as dots, their area the weight, and the output among them",
    x: { domain: [0, 1], label: "first number of a value", ticks: 4 },
    y: { domain: [0, 1], label: "second number", ticks: 4 },
    margin: { left: 46 },
  });
  // One number a value: all lie on a line.
  const point = (row) => [row[0], row[1] ?? 0];
  /** @type {(numbers: number[]) => { domain: [number, number] }} */
  const reach = (numbers) => {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const pad = Math.max(0.5, 0.18 * (high - low));
    return { domain: [low - pad, high + pad] };
  };
  const draw = (values, weights, output, query) => {
    const points = values.map(point);
    chart.setAxes({ x: reach(points.map((p) => p[0])), y: reach(points.map((p) => p[1])) });
    const [ox, oy] = point(output);
    const free = widestGap(
      points.map(([x, y]) => Math.atan2(chart.y(y) - chart.y(oy), chart.x(x) - chart.x(ox))),
    );
    const radius = (i) => 2.5 + 11 * Math.sqrt(weights[i]);
    const at = (x, y) => ({ cx: chart.x(x).toFixed(1), cy: chart.y(y).toFixed(1) });
    chart.layer.replaceChildren(
      ...points.map(([x, y], i) =>
        s("line", {
          x1: chart.x(x).toFixed(1),
          y1: chart.y(y).toFixed(1),
          x2: chart.x(ox).toFixed(1),
          y2: chart.y(oy).toFixed(1),
          "stroke-width": 2,
          style: { stroke: "var(--iml-blue)", "stroke-opacity": weights[i].toFixed(3) },
        }),
      ),
      ...points.map(([x, y], i) =>
        s("circle", {
          ...at(x, y),
          r: radius(i).toFixed(1),
          style: { fill: "var(--iml-blue)", "fill-opacity": 0.55, stroke: "var(--iml-blue)" },
        }),
      ),
      s("circle", {
        ...at(ox, oy),
        r: 5.5,
        "stroke-width": 2,
        style: { fill: "var(--iml-green)", stroke: "var(--iml-paper)" },
      }),
    );
    chart.front.replaceChildren(
      ...points.map(([x, y], i) =>
        // Beyond the dot's rim, whatever its size.
        s(
          "text",
          {
            x: (chart.x(x) + 3 + 0.7 * radius(i)).toFixed(1),
            y: (chart.y(y) - 2 - 0.7 * radius(i)).toFixed(1),
            class: "iml-note",
          },
          named("v", i),
        ),
      ),
      s(
        "text",
        {
          x: (chart.x(ox) + 15 * Math.cos(free)).toFixed(1),
          y: (chart.y(oy) + 15 * Math.sin(free) + 4).toFixed(1),
          class: "iml-note",
          style: { fill: "var(--iml-green)", "text-anchor": "middle" },
        },
        query.replace("q", "o"),
      ),
    );
  };
  draw.svg = chart.svg;
  return draw;
}
