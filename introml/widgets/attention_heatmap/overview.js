// All heads of the encoder at a glance, the strongest weights of one query, and what the shades mean.

import { fixed, s, setAttributes } from "../kit/index.js";
import { roving } from "../kit/roving.js";
import { quoted, shortened } from "./detail.js";
import * as model from "./model.js";

const LEVELS = 6;
const STRONGEST = 6;

/** The grid of all heads; `redraw(source)`. */
export function overview(ui, width, { layers, heads }) {
  const left = 34;
  const top = 36;
  const pitch = Math.min(30, (width - left) / heads);
  const box = pitch - 3;
  const label = (text, x, y, anchor = "middle") =>
    s("text", { x, y, "text-anchor": anchor, class: "iml-attention-tick" }, text);
  const shades = Array.from({ length: LEVELS }, (_, i) =>
    s("path", {
      fill: "none",
      style: { stroke: "var(--iml-blue)", "stroke-opacity": (i + 1) / LEVELS },
    }),
  );
  const shadeGroup = s("g", { "aria-hidden": "true" }, shades);
  const frame = s("rect", {
    width: box + 3,
    height: box + 3,
    class: "iml-attention-frame",
    "aria-hidden": "true",
  });
  const cells = Array.from({ length: layers * heads }, (_, i) =>
    s("rect", {
      x: left + (i % heads) * pitch,
      y: top + Math.floor(i / heads) * pitch,
      width: box,
      height: box,
      role: "gridcell",
      class: "iml-attention-head",
      "aria-label": `Head ${Math.floor(i / heads)}.${i % heads}`,
    }),
  );
  const rows = Array.from({ length: layers }, (_, layer) =>
    s("g", { role: "row" }, cells.slice(layer * heads, (layer + 1) * heads)),
  );
  const group = s(
    "g",
    {},
    label("head", left + (heads * pitch) / 2 - 1.5, 12),
    ...Array.from({ length: heads }, (_, i) => label(i, left + i * pitch + box / 2, 29)),
    ...Array.from({ length: layers }, (_, i) =>
      label(i, left - 7, top + i * pitch + box / 2 + 4, "end"),
    ),
    s(
      "text",
      {
        transform: `translate(10 ${top + (layers * pitch) / 2}) rotate(-90)`,
        "text-anchor": "middle",
        class: "iml-attention-tick",
      },
      "layer",
    ),
    shadeGroup,
    s("g", { role: "grid", "aria-label": "All heads, a row a layer" }, rows),
    frame,
  );
  let chosen = 0;
  const choose = (index) => ui.set({ layer: Math.floor(index / heads), head: index % heads });
  // Choosing the head that is shown already shows it whole again. An arrow key at the edge does not.
  for (const [index, cell] of cells.entries()) {
    const again = () => {
      if (index === chosen) ui.set({ token: -1 });
    };
    cell.addEventListener("click", again);
    cell.addEventListener("keydown", (event) => {
      if (event.key === "Enter") again();
    });
  }
  const refocus = roving(cells, { columns: heads, current: () => chosen, choose });
  let drawn = null;

  const cache = new Map();

  function pathsOf(source) {
    if (!cache.has(source.key)) {
      const n = source.tokens.length;
      // A head is n units wide and the gap a whole number of them, so that all coordinates are whole.
      const step = n + Math.max(1, Math.round((n * (pitch - box)) / box));
      const maps = source.weights.flatMap((layer, l) =>
        layer.map((matrix, k) => ({ matrix, left: k * step, top: l * step })),
      );
      const paths = model.shadePaths(maps, LEVELS);
      cache.set(source.key, { paths, unit: pitch / step });
    }
    return cache.get(source.key);
  }

  function redraw(source) {
    chosen = source.layer * heads + source.head;
    if (drawn !== source.key) {
      drawn = source.key;
      const { paths, unit } = pathsOf(source);
      for (const [i, path] of shades.entries()) path.setAttribute("d", paths[i]);
      const place = `translate(${left} ${(top + unit / 2).toFixed(2)}) scale(${unit.toFixed(5)})`;
      shadeGroup.setAttribute("transform", place);
    }
    setAttributes(frame, {
      x: left + source.head * pitch - 1.5,
      y: top + source.layer * pitch - 1.5,
    });
    refocus();
  }
  return { group, redraw, bottom: top + layers * pitch };
}

/** The largest weights of one query as bars with their numbers. */
export function strongestBars(width, top) {
  const group = s("g", { "aria-hidden": "true" });
  const left = 84;
  const pitch = 19;
  return {
    group,
    redraw({ tokens, weights, layer, head }, query) {
      const row = query < 0 ? model.meanRow(weights[layer][head]) : weights[layer][head][query];
      const title =
        query < 0
          ? "Weight on each token, mean of all rows"
          : `Weights of ${quoted(tokens[query])}, the largest ${Math.min(STRONGEST, tokens.length)}`;
      const bars = model.strongest(row, STRONGEST).flatMap(([index, weight], i) => {
        const y = top + 28 + i * pitch;
        const length = Math.max(1, weight * (width - left - 46));
        return [
          s("text", { x: left - 8, y: y + 10, "text-anchor": "end" }, shortened(tokens[index], 11)),
          s("rect", {
            x: left,
            y,
            width: length.toFixed(1),
            height: 13,
            class: "iml-attention-bar",
          }),
          s(
            "text",
            { x: left + length + 6, y: y + 11, class: "iml-attention-tick" },
            fixed(weight),
          ),
        ];
      });
      group.replaceChildren(s("text", { x: 0, y: top + 12 }, title), ...bars);
    },
  };
}

/** What the shades mean, from weight 0 to 1. */
export function scale(y) {
  const [left, width] = [84, 19];
  const steps = Array.from({ length: LEVELS + 1 }, (_, i) => {
    const style = { fill: "var(--iml-blue)", "fill-opacity": i / LEVELS };
    return s("rect", { x: left + i * width, y, width, height: 11, style });
  });
  const tick = (text, i) =>
    s(
      "text",
      {
        x: left + (i + 0.5) * width,
        y: y - 4,
        "text-anchor": "middle",
        class: "iml-attention-tick",
      },
      text,
    );
  // Where a weight's shade lies on the scale.
  const ticks = [0, 0.1, 0.5, 1].map((weight) => tick(weight, LEVELS * model.shade(weight)));
  const outline = s("rect", {
    x: left,
    y,
    width: (LEVELS + 1) * width,
    height: 11,
    class: "iml-attention-ground",
  });
  const name = s("text", { x: left - 8, y: y + 10, "text-anchor": "end" }, "weight");
  return s("g", { "aria-hidden": "true" }, name, steps, outline, ticks);
}
