// Convolution, transposed or not, and pooling of one channel, exactly as torch computes and refuses them.
// A pair is [down, across]. A setting holds the widget's traits: mode, input, kernel, window, stride,
// padding, padding_mode, output_padding, dilation, flip, ceil_mode, count_include_pad. The frame is the
// padded input; a transposed convolution has none, and pads by taking cells away from its output.

import { sum } from "../maths/numbers.js";

/** @import { Pair } from "../maths/symmetric.js" */
/** @import { Matrix } from "../maths/matrix.js" */
/**
 * @typedef {object} Setting
 * @property {"convolution" | "transposed" | "max" | "average"} mode
 * @property {Matrix} input
 * @property {Matrix} kernel
 * @property {Pair} window
 * @property {Pair} stride
 * @property {Pair} padding
 * @property {string} padding_mode
 * @property {Pair} output_padding
 * @property {Pair} dilation
 * @property {boolean} flip
 * @property {boolean} ceil_mode
 * @property {boolean} count_include_pad
 */
/** @typedef {ReturnType<typeof alongAxis>} Axis */
/**
 * @typedef {object} Cell a cell of the frame
 * @property {"input" | "padding" | "beyond"} kind
 * @property {number | null} value
 * @property {Pair | null} source the input cell that it copies
 */
/** @typedef {Cell[][]} Frame */

/** In a line of the frame: a cell that copies no input cell. */
export const FILL = -1; // the mode's own value: 0, or −∞ for max pooling
export const UNKNOWN = -2; // padding that this mode cannot make
export const BEYOND = -3; // past the padding: only ceil_mode reads here, and it counts for nothing

/** @param {{ mode: string }} setting */
const isPool = ({ mode }) => mode === "max" || mode === "average";
/** @param {{ mode?: string }} setting */
export const isTransposed = ({ mode }) => mode === "transposed";

/**
 * What the numbers of one axis make together; `size` may be under 1, which is refused.
 * @param {number} n
 * @param {number} k
 * @param {number} s
 * @param {number} p
 * @param {number} d
 * @param {boolean} ceil
 */
function alongAxis(n, k, s, p, d, ceil) {
  const span = d * (k - 1) + 1;
  const free = n + 2 * p - span;
  let size = (ceil ? Math.ceil(free / s) : Math.floor(free / s)) + 1;
  // A window must start on the input or on the padding before it.
  const dropped = ceil && (size - 1) * s >= n + p;
  if (dropped) size -= 1;
  return { n, k, s, p, d, op: 0, transposed: false, ceil, span, free, size, dropped };
}

/**
 * The same for a transposed convolution, with `op` cells of output padding.
 * @param {number} n
 * @param {number} k
 * @param {number} s
 * @param {number} p
 * @param {number} d
 * @param {number} op
 * @returns {Axis}
 */
function alongTransposed(n, k, s, p, d, op) {
  const span = d * (k - 1) + 1;
  const size = (n - 1) * s - 2 * p + span + op;
  const plain = { ceil: false, free: 0, dropped: false };
  return { n, k, s, p, d, op, transposed: true, span, size, ...plain };
}

/**
 * The two axes of a setting; what its mode has no setting for is left at 1 or off.
 * @param {Setting} setting
 */
export function axes(setting) {
  const { mode, input, kernel, window, stride, padding, dilation, ceil_mode } = setting;
  const n = [input.length, input[0].length];
  const k = isPool(setting) ? window : [kernel.length, kernel[0].length];
  const d = mode === "average" ? [1, 1] : dilation;
  const ceil = isPool(setting) && ceil_mode;
  if (isTransposed(setting)) {
    const op = setting.output_padding;
    return [0, 1].map((i) => alongTransposed(n[i], k[i], stride[i], padding[i], d[i], op[i]));
  }
  return [0, 1].map((i) => alongAxis(n[i], k[i], stride[i], padding[i], d[i], ceil));
}

/**
 * Why torch refuses a setting: a list of { axis, reason } with the reasons "reflect", "circular",
 * "pooling padding", "output padding" and "too small"; empty when it is legal.
 * @param {Setting} setting
 */
export function refusals(setting) {
  const found = [];
  for (const [axis, { n, k, s, p, d, op, size }] of axes(setting).entries()) {
    if (isPool(setting)) {
      if (p > Math.floor(k / 2)) found.push({ axis, reason: "pooling padding" });
    } else if (isTransposed(setting)) {
      if (op >= Math.max(s, d)) found.push({ axis, reason: "output padding" });
    } else {
      if (setting.padding_mode === "reflect" && p >= n) found.push({ axis, reason: "reflect" });
      if (setting.padding_mode === "circular" && p > n) found.push({ axis, reason: "circular" });
    }
    if (size < 1) found.push({ axis, reason: "too small" });
  }
  return found;
}

/** @param {Setting} setting */
export function isLegal(setting) {
  return refusals(setting).length === 0;
}

/**
 * [rows, columns] of the output of a legal setting.
 * @param {Setting} setting
 */
export function outputSize(setting) {
  return axes(setting).map(({ size }) => size);
}

/**
 * For each place along one axis of the frame, the input index it copies, or FILL, UNKNOWN, BEYOND.
 * @param {Axis} axis
 * @param {string} mode
 */
export function sourceLine({ n, p, s, span, size, transposed }, mode) {
  if (transposed) return Array.from({ length: n }, (_, at) => at);
  const padded = n + 2 * p;
  const length = Math.max(padded, size < 1 ? 0 : (size - 1) * s + span);
  const refused = (mode === "reflect" && p >= n) || (mode === "circular" && p > n);
  return Array.from({ length }, (_, place) => {
    const at = place - p;
    if (at >= 0 && at < n) return at;
    if (place >= padded) return BEYOND;
    if (refused) return UNKNOWN;
    if (mode === "reflect") return n - 1 - Math.abs(n - 1 - Math.abs(at));
    if (mode === "replicate") return at < 0 ? 0 : n - 1;
    if (mode === "circular") return (at + n) % n;
    return FILL;
  });
}

/**
 * The padded input: rows of { kind, value, source }; value is null where there is none.
 * @param {Setting} setting
 * @returns {Frame}
 */
export function frame(setting) {
  const [down, across] = axes(setting);
  const mode = isPool(setting) ? "zeros" : setting.padding_mode;
  const fill = setting.mode === "max" ? -Infinity : 0;
  const columns = sourceLine(across, mode);
  const inside = (/** @type {number} */ place, /** @type {Axis} */ { n, p, transposed }) =>
    transposed || (place >= p && place < p + n);
  return sourceLine(down, mode).map((row, i) =>
    columns.map((column, j) => {
      const least = Math.min(row, column);
      if (least === BEYOND) return { kind: "beyond", value: null, source: null };
      const kind = inside(i, down) && inside(j, across) ? "input" : "padding";
      if (least === UNKNOWN) return { kind, value: null, source: null };
      if (least === FILL) return { kind, value: fill, source: null };
      return { kind, value: setting.input[row][column], source: [row, column] };
    }),
  );
}

/**
 * The kernel as it lies on the input: true convolution turns it by 180°.
 * @param {Pick<Setting, "kernel" | "flip"> & { mode?: string }} setting
 */
export function laidKernel({ kernel, flip, mode }) {
  return flip && mode !== "transposed"
    ? kernel.map((row) => row.toReversed()).toReversed()
    : kernel;
}

/**
 * The inputs along one axis that a transposed convolution adds into output `at`: { from, by }, the
 * input's place and that of its weight in the kernel.
 * @param {Axis} axis
 * @param {number} at
 */
function addedInto({ n, k, s, p, d }, at) {
  const found = [];
  for (let by = k - 1; by >= 0; by -= 1) {
    const from = (at + p - by * d) / s;
    if (Number.isInteger(from) && from >= 0 && from < n) found.push({ from, by });
  }
  return found;
}

/**
 * The frame cells under the window of output cell [i, j], in the kernel's order; of a transposed
 * convolution those that are added into it, in reading order.
 * @param {Setting} setting
 * @param {Pair} cell
 */
export function windowCells(setting, [i, j]) {
  const [down, across] = axes(setting);
  if (isTransposed(setting)) {
    const columns = addedInto(across, j);
    return addedInto(down, i).flatMap((row) =>
      columns.map((column) => ({ a: row.by, b: column.by, row: row.from, column: column.from })),
    );
  }
  const cells = [];
  for (let a = 0; a < down.k; a += 1) {
    for (let b = 0; b < across.k; b += 1) {
      cells.push({
        a,
        b,
        row: i * down.s + a * down.d,
        column: j * across.s + b * across.d,
      });
    }
  }
  return cells;
}

/**
 * The output cells into which a transposed convolution adds input cell [i, j], times the kernel.
 * @param {Setting} setting
 * @param {Pair} cell
 */
export function stampOf(setting, cell) {
  const lines = axes(setting).map(({ k, s, p, d, size }, axis) =>
    Array.from({ length: k }, (_, a) => cell[axis] * s + a * d - p).filter(
      (at) => at >= 0 && at < size,
    ),
  );
  return lines[0].flatMap((row) => lines[1].map((column) => [row, column]));
}

/**
 * The input cells that output cell [i, j] reads, each once, in reading order.
 * @param {Setting} setting
 * @param {Pair} cell
 */
export function sourcesOf(setting, cell, padded = frame(setting)) {
  const width = setting.input[0].length;
  const found = new Set();
  for (const { row, column } of windowCells(setting, cell)) {
    const { source } = padded[row][column];
    if (source) found.add(source[0] * width + source[1]);
  }
  return [...found].sort((x, y) => x - y).map((at) => [Math.floor(at / width), at % width]);
}

/**
 * What the sum of an average is divided by.
 * @param {Setting} setting
 * @param {Pair} cell
 */
export function divisor(setting, cell, padded = frame(setting)) {
  const counted = setting.count_include_pad ? ["input", "padding"] : ["input"];
  const kinds = windowCells(setting, cell).map(({ row, column }) => padded[row][column].kind);
  return kinds.filter((kind) => counted.includes(kind)).length;
}

/**
 * The value of output cell [i, j] of a legal setting.
 * @param {Setting} setting
 * @param {Pair} cell
 */
export function outputCell(setting, cell, padded = frame(setting)) {
  const under = windowCells(setting, cell);
  const values = under.map(({ row, column }) => padded[row][column].value);
  if (setting.mode === "max") return Math.max(...values.map((value) => value ?? -Infinity));
  if (setting.mode === "average") {
    return sum(values.map((value) => value ?? 0)) / divisor(setting, cell, padded);
  }
  const kernel = laidKernel(setting);
  return sum(under.map(({ a, b }, at) => (values[at] ?? 0) * kernel[a][b]));
}

/**
 * The whole output of a setting; a refused one throws.
 * @param {Setting} setting
 */
export function output(setting) {
  if (!isLegal(setting)) throw new Error("this setting has no output");
  const padded = frame(setting);
  const [rows, columns] = outputSize(setting);
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => outputCell(setting, [i, j], padded)),
  );
}

/**
 * The places along one axis of a legal setting's frame that no window reads: `end`, how many remain
 * at the far end because the stride does not divide, and `between`, the indices of the others.
 * @param {Axis} axis
 */
export function unread({ n, p, k, s, d, span, size, transposed }) {
  if (transposed) return { end: 0, between: [] };
  const last = (size - 1) * s + span;
  const read = new Set();
  for (let i = 0; i < size; i += 1) for (let a = 0; a < k; a += 1) read.add(i * s + a * d);
  const before = Array.from({ length: Math.min(last, n + 2 * p) }, (_, place) => place);
  return {
    end: Math.max(0, n + 2 * p - last),
    between: before.filter((place) => !read.has(place)),
  };
}
