// What is drawn around the three grids: titles, padding, the window on the input, and its rays.

import { cellNode, largestOf, paintCell } from "../cells/grid.js";
import { s } from "../kit/index.js";
import * as model from "./model.js";

const STYLE = "iml-convolution-visualizer";
const WEIGHT_CELL = 34; // from this size on, a cell of the window also shows its weight
const RESULT = { max: "max", average: "mean" };

const by = (rows, columns) => `${rows} × ${columns}`;
const placeOf = ({ x, y, width, height }) => ({ x, y, width, height });
const middleText = (x, y, name, text) =>
  s("text", { x, y, "text-anchor": "middle", class: `${STYLE}-${name}` }, text);

function title(box, name, text) {
  const x = box.x + box.width / 2;
  return [middleText(x, box.y - 22, "title", name), middleText(x, box.y - 7, "subtitle", text)];
}

/** Names and sizes above the grids, the signs between them, and the window of a pooling. */
export function titleNodes(at, setting, legal, rounded) {
  const transposed = model.isTransposed(setting);
  const pools = setting.mode !== "convolution" && !transposed;
  const [down, across] = model.axes(setting);
  const padded = setting.padding.some((p) => p > 0) ? ", padded" : "";
  const turned = setting.flip && !pools && !transposed ? ", turned" : "";
  const spread = down.d > 1 || across.d > 1 ? ", dilated" : "";
  const size = legal ? `${by(down.size, across.size)}${rounded ? ", rounded" : ""}` : "none";
  /** @type {SVGElement[]} */
  const nodes = [
    ...title(at.input, "Input", `${by(down.n, across.n)}${transposed ? "" : padded}`),
    ...title(at.kernel, pools ? "Window" : "Kernel", `${by(down.k, across.k)}${turned}${spread}`),
    ...title(at.output, "Output", transposed && legal && padded ? `${size}, cut` : size),
  ];
  const times = transposed ? "×" : setting.flip ? "∗" : "⋆";
  const signs = pools ? ["", "→"] : [times, transposed ? "→" : "="];
  for (const [i, [x, y]] of (at.operators ?? []).entries()) {
    nodes.push(middleText(x, y + 9, "sign", signs[i]));
  }
  if (pools) nodes.push(...windowNodes(at.kernel, RESULT[setting.mode]));
  if (!legal) nodes.push(s("rect", { ...placeOf(at.output), class: `${STYLE}-empty` }));
  return nodes;
}

function windowNodes({ x, y, cell, rows, columns, width, height }, name) {
  const squares = Array.from({ length: rows * columns }, (_, i) =>
    s("rect", {
      x: x + (i % columns) * cell,
      y: y + Math.floor(i / columns) * cell,
      width: cell,
      height: cell,
      class: `${STYLE}-empty`,
    }),
  );
  return [...squares, middleText(x + width / 2, y + height / 2 + 5, "result", name)];
}

/** The cells of the frame that are no input, and hatching where no window reads. */
export function borderNodes({ x, y, cell }, setting, legal, padded, text) {
  const largest = largestOf(setting.input);
  const skipped = model.axes(setting).map((axis) => {
    if (!legal) return new Set();
    const { end, between } = model.unread(axis);
    const edge = axis.n + 2 * axis.p;
    return new Set([...between, ...Array.from({ length: end }, (_, i) => edge - 1 - i)]);
  });
  const nodes = [];
  for (const [i, row] of padded.entries()) {
    for (const [j, { kind, value }] of row.entries()) {
      const [left, top] = [x + j * cell, y + i * cell];
      if (kind !== "input") {
        const node = cellNode({ class: `iml-cell ${STYLE}-${kind}` });
        paintCell(node, { x: left, y: top, cell, value, largest, text });
        nodes.push(node);
      }
      if (skipped[0].has(i) || skipped[1].has(j)) {
        const [right, bottom, half] = [left + cell, top + cell, cell / 2];
        const d =
          `M${left} ${bottom}L${right} ${top}M${left} ${top + half}L${left + half} ${top}` +
          `M${left + half} ${bottom}L${right} ${top + half}`;
        nodes.push(s("path", { d, class: `${STYLE}-unread` }));
      }
    }
  }
  return nodes;
}

/** The smallest box around the window's cells. */
function hull(under, { x, y, cell }) {
  if (under.length === 0) return null;
  const [first, last] = [under[0], under.at(-1)];
  return {
    x: x + first.column * cell,
    y: y + first.row * cell,
    width: (last.column - first.column + 1) * cell,
    height: (last.row - first.row + 1) * cell,
  };
}

const squareOf = ({ x, y, cell }, i, j, name, inset) =>
  s("rect", {
    x: (x + j * cell + inset).toFixed(2),
    y: (y + i * cell + inset).toFixed(2),
    width: (cell - 2 * inset).toFixed(2),
    height: (cell - 2 * inset).toFixed(2),
    class: `${STYLE}-${name}`,
  });

/** The output cells into which an input cell of a transposed convolution is added. */
export const stampNodes = (at, setting, cell) => [
  squareOf(at.input, ...cell, "copied", 3),
  ...model.stampOf(setting, cell).map(([i, j]) => squareOf(at.output, i, j, "copied", 3)),
];

/**
 * The window of output cell `selected` on the input, with its weights and, where padding copies input
 * cells, those cells; the outlines of kernel and output cell; the rays that join the three.
 */
export function selectionNodes(at, setting, selected, resultBox) {
  const padded = model.frame(setting);
  const under = model.windowCells(setting, selected);
  const transposed = model.isTransposed(setting);
  const kernel = transposed || setting.mode === "convolution" ? model.laidKernel(setting) : null;
  const { cell } = at.input;
  const square = (i, j, name, inset) => squareOf(at.input, i, j, name, inset);
  const marks = [];
  for (const { row, column } of under) {
    const { kind, source } = padded[row][column];
    if (kind !== "padding" || !source) continue;
    marks.push(square(source[0] + setting.padding[0], source[1] + setting.padding[1], "copied", 3));
  }
  if (setting.mode === "max") {
    const best = model.outputCell(setting, selected, padded);
    const winner = under.find(({ row, column }) => padded[row][column].value === best);
    if (winner) marks.push(square(winner.row, winner.column, "winner", 1));
  }
  const stroke = Math.max(0.8, Math.min(2.5, cell / 18)).toFixed(2);
  for (const { row, column, a, b } of under) {
    const outline = square(row, column, "lit", 1);
    outline.style.setProperty("stroke-width", stroke);
    marks.push(outline);
    if (kernel && cell >= WEIGHT_CELL) {
      const [x, y] = [at.input.x + (column + 1) * cell - 4, at.input.y + (row + 1) * cell - 5];
      const place = { x: x.toFixed(2), y: y.toFixed(2), "text-anchor": "end" };
      const text = `×${model.shortNumber(kernel[a][b])}`;
      marks.push(s("text", { ...place, class: `${STYLE}-weight` }, text));
    }
  }
  if (transposed) marks.push(...under.map(({ a, b }) => squareOf(at.kernel, a, b, "lit", 1)));
  const read = hull(under, at.input);
  const dense = !transposed && model.axes(setting).every(({ d }) => d === 1);
  for (const box of [...(transposed ? [] : [at.kernel]), resultBox, ...(dense ? [read] : [])]) {
    marks.push(s("rect", { ...placeOf(box), class: "iml-cells-outline" }));
  }
  const rays =
    at.beside && read
      ? [...rayNodes(read, at.kernel, at.input), ...rayNodes(at.kernel, resultBox, at.output)]
      : [];
  return { marks, rays };
}

/** The two lines that join two boxes, faint where they cross the numbers of the grid of one of them. */
function rayNodes(from, to, grid) {
  const [left, right] = [from.x + from.width, to.x];
  const leaves = grid.x < left; // the grid that the rays come from, not the one that they go to
  const border = leaves ? grid.x + grid.width : grid.x;
  return [0, 1].flatMap((end) => {
    const [start, stop] = [from, to].map(({ y, height }) => y + end * height);
    const level = (x) => start + ((x - left) / (right - left)) * (stop - start);
    const ray = (x1, x2, name) =>
      s("line", { x1, y1: level(x1), x2, y2: level(x2), class: `${STYLE}-ray${name}` });
    const across = ` ${STYLE}-across`;
    return [ray(left, border, leaves ? across : ""), ray(border, right, leaves ? "" : across)];
  });
}
