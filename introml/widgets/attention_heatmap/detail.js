// One head large: tokens × tokens, or lines from the queries at the left to the keys at the right.

import { fixed, picture, s, setAttributes } from "../kit/index.js";
import { roving } from "../kit/roving.js";
import * as model from "./model.js";

export const HEIGHT = 416;
const LEVELS = 12;

export const quoted = (token) => `“${token}”`;

export function shortened(token, most = 11) {
  return token.length > most ? `${token.slice(0, most - 1)}…` : token;
}

const tick = (attributes, text = "") =>
  s("text", { class: "iml-attention-tick", ...attributes }, text);

/** Where the rows stand and how large their words are written. */
/**
 * @param {number} n
 * @param {{ left: number, top: number, right: number, pitch: number }} edges
 */
function layout(n, { left, top, right, pitch }) {
  const step = Math.min(pitch, (HEIGHT - top - 6) / n);
  const size = Math.max(9, Math.min(13, step - 2));
  return {
    ...{ n, left, top, right, step, size },
    middle: (i) => top + (i + 0.5) * step,
    style: { "font-size": `${size}px` },
  };
}

/** A word beside row i, ending or beginning at x. */
function word(at, i, x, anchor, token) {
  const y = at.middle(i) + at.size * 0.35;
  return s("text", { x, y, "text-anchor": anchor, style: at.style }, shortened(token));
}

function heatMap(width, tokens, matrix) {
  const n = tokens.length;
  const at = layout(n, { left: 84, top: 88, right: width, pitch: (width - 86) / n });
  const side = n * at.step;
  const shades = model.shadePaths([{ matrix, left: 0, top: 0 }], LEVELS).map((d, i) =>
    s("path", {
      d,
      fill: "none",
      style: { stroke: "var(--iml-blue)", "stroke-opacity": ((i + 1) / LEVELS).toFixed(2) },
    }),
  );
  const place = `translate(${at.left} ${at.top + at.step / 2}) scale(${at.step.toFixed(4)})`;
  const box = { x: at.left, width: side };
  const keys = tokens.map((token, j) => {
    const x = at.left + (j + 0.5) * at.step + at.size * 0.35;
    const turned = `translate(${x.toFixed(1)} ${at.top - 6}) rotate(-90)`;
    return s("text", { transform: turned, style: at.style }, shortened(token));
  });
  const veils = [0, 1].map(() => s("rect", { ...box, class: "iml-attention-veil" }));
  return {
    at: { ...at, target: at.left + side },
    nodes: [
      tick({ x: at.left - 8, y: at.top - 6, "text-anchor": "end" }, "query ↓"),
      tick({ x: width - 2, y: 13, "text-anchor": "end" }, "key →"),
      s("g", { transform: place, "aria-hidden": "true" }, shades),
      ...veils,
      s("rect", { ...box, y: at.top, height: side, class: "iml-attention-ground" }),
      ...keys,
    ],
    /** A veil over the rows above and one over those below make the row stand out. */
    mark(query) {
      const [above, below] = query < 0 ? [0, 0] : [query, n - 1 - query];
      setAttributes(veils[0], { y: at.top, height: above * at.step });
      setAttributes(veils[1], { y: at.top + side - below * at.step, height: below * at.step });
    },
  };
}

function lines(width, tokens, matrix) {
  const at = layout(tokens.length, { left: 96, top: 46, pitch: 22, right: width - 128 });
  const bundles = matrix.map((row, i) => {
    const strokes = row.map((weight, j) =>
      weight < 0.01
        ? null
        : s("line", {
            x1: at.left,
            y1: at.middle(i).toFixed(1),
            x2: at.right,
            y2: at.middle(j).toFixed(1),
            "stroke-width": 3,
            style: { stroke: "var(--iml-blue)", "stroke-opacity": weight.toFixed(3) },
          }),
    );
    return s("g", { "aria-hidden": "true" }, strokes);
  });
  const shares = tokens.map((_, j) =>
    tick({ x: width, y: at.middle(j) + at.size * 0.35, "text-anchor": "end", style: at.style }),
  );
  return {
    at: { ...at, target: at.left },
    nodes: [
      tick({ x: at.left - 8, y: at.top - 9, "text-anchor": "end" }, "query ↓"),
      tick({ x: at.right + 8, y: at.top - 9 }, "key ↓"),
      ...bundles,
      ...tokens.map((token, j) => word(at, j, at.right + 8, "start", token)),
      ...shares,
    ],
    mark(query) {
      for (const [i, bundle] of bundles.entries()) {
        bundle.style.setProperty("display", query < 0 || i === query ? "inline" : "none");
      }
      for (const [j, share] of shares.entries()) {
        share.textContent = query < 0 ? "" : fixed(matrix[query][j]);
      }
    },
  };
}

const DRAWINGS = { map: heatMap, lines };

/** The query tokens: pointed at or chosen, one after another by arrow keys. */
function queryList({ at }, tokens, hover) {
  const rows = tokens.map((token, i) => {
    const edges = { x: 0, y: at.top + i * at.step, width: at.target, height: at.step };
    const row = s(
      "g",
      { role: "option", "aria-label": `${i}: ${token}` },
      s("rect", { ...edges, class: "iml-attention-hit" }),
      word(at, i, at.left - 8, "end", token),
    );
    row.addEventListener("pointerenter", () => hover(i));
    row.addEventListener("pointerleave", () => hover(-1));
    return row;
  });
  return { rows, node: s("g", { role: "listbox", "aria-label": "Query token" }, rows) };
}

export function detail(ui, width) {
  const svg = picture({ width, height: HEIGHT, role: null, label: "One head's weights" });
  let drawn = "";
  let hovered = -1;
  /** @type {ReturnType<(typeof DRAWINGS)[keyof typeof DRAWINGS]> | null} */
  let drawing = null;
  let rows = [];
  let refocus = () => {};

  const hover = (index) => {
    hovered = index;
    ui.redraw();
  };

  function build({ tokens, weights, layer, head }, kind) {
    const made = DRAWINGS[kind](width, tokens, weights[layer][head]);
    const list = queryList(made, tokens, hover);
    drawing = made;
    rows = list.rows;
    // The list lies on top, so that a row of the map can be pointed at anywhere.
    svg.replaceChildren(s("text", { y: 13 }, `Head ${layer}.${head}`), ...made.nodes, list.node);
    refocus = roving(rows, {
      current: () => ui.get("token"),
      choose: (token) => ui.set({ token }),
      clear: () => ui.set({ token: -1 }),
    });
  }

  return {
    svg,
    /** The query whose row stands out: the one pointed at, else the one chosen. */
    query({ tokens }) {
      const query = hovered >= 0 ? hovered : ui.get("token");
      return query < tokens.length ? query : -1;
    },
    redraw(source, query) {
      const state = [source.key, source.layer, source.head, ui.get("display")].join();
      if (drawn !== state) {
        drawn = state;
        build(source, ui.get("display"));
      }
      drawing?.mark(query);
      for (const [i, row] of rows.entries()) {
        setAttributes(row, { class: `iml-attention-row${i === query ? " iml-chosen" : ""}` });
      }
      refocus();
    },
  };
}
