// Where the three grids of numbers lie. Wide: input, kernel, output side by side. Narrow: the input on
// top, the others below it.

const TITLE = 40;
const GAP = 44;
const LARGEST = 72;
const WIDE_HEIGHT = 300;

/** @import { Pair } from "../maths/symmetric.js" */
/** @typedef {{ input: Pair, kernel: Pair, output: Pair }} Shapes [rows, columns] of each grid */
/**
 * @typedef {object} Place
 * @property {number} x
 * @property {number} y
 * @property {number} cell the side of a cell
 * @property {number} rows
 * @property {number} columns
 * @property {number} width
 * @property {number} height
 */
/**
 * @typedef {object} Layout
 * @property {number} height
 * @property {Place} input
 * @property {Place} kernel
 * @property {Place} output
 * @property {Pair[] | null} operators where the signs between the grids stand
 * @property {boolean} [beside]
 * @param {number} x
 * @param {number} y
 * @param {number} cell
 * @param {Pair} shape
 * @returns {Place}
 */
const place = (x, y, cell, [rows, columns]) => ({
  x,
  y,
  cell,
  rows,
  columns,
  width: columns * cell,
  height: rows * cell,
});

const fit = (/** @type {number[]} */ ...sizes) => Math.min(...sizes);

/**
 * @param {number} width
 * @param {Shapes} shapes
 * @returns {Layout}
 */
function sideBySide(width, { input, kernel, output }) {
  const across = input[1] + kernel[1] + output[1];
  const most = Math.max(input[0], output[0]);
  const room = width - 2 * GAP;
  const even = fit(LARGEST, room / across, WIDE_HEIGHT / Math.max(most, kernel[0]));
  // A kernel beside a large image is drawn larger than the image's cells.
  const ofKernel = Math.max(even, fit(30, (0.17 * width) / kernel[1]));
  const others = fit(
    LARGEST,
    (room - ofKernel * kernel[1]) / (input[1] + output[1]),
    WIDE_HEIGHT / most,
  );
  const used = others * (input[1] + output[1]) + ofKernel * kernel[1] + 2 * GAP;
  const top = (/** @type {number} */ rows, /** @type {number} */ cell) =>
    TITLE + (WIDE_HEIGHT - rows * cell) / 2;
  const x = [(width - used) / 2];
  x.push(x[0] + others * input[1] + GAP, 0);
  x[2] = x[1] + ofKernel * kernel[1] + GAP;
  const middle = TITLE + WIDE_HEIGHT / 2;
  return {
    beside: true,
    height: TITLE + WIDE_HEIGHT + 6,
    input: place(x[0], top(input[0], others), others, input),
    kernel: place(x[1], top(kernel[0], ofKernel), ofKernel, kernel),
    output: place(x[2], top(output[0], others), others, output),
    operators: [
      [x[1] - GAP / 2, middle],
      [x[2] - GAP / 2, middle],
    ],
  };
}

/**
 * @param {number} width
 * @param {Shapes} shapes
 * @returns {Layout}
 */
function inTwoRows(width, { input, kernel, output }) {
  const [upper, lower, lead, gap] = [232, 190, 26, 34];
  const first = fit(64, width / input[1], upper / input[0]);
  const second = fit(
    60,
    (width - lead - gap) / (kernel[1] + output[1]),
    lower / Math.max(kernel[0], output[0]),
  );
  const used = lead + gap + second * (kernel[1] + output[1]);
  const left = (width - used) / 2 + lead;
  const right = left + second * kernel[1] + gap;
  const middle = 2 * TITLE + upper + lower / 2;
  return {
    height: 2 * TITLE + upper + lower + 6,
    input: place(
      (width - first * input[1]) / 2,
      TITLE + (upper - first * input[0]) / 2,
      first,
      input,
    ),
    kernel: place(left, middle - (second * kernel[0]) / 2, second, kernel),
    output: place(right, middle - (second * output[0]) / 2, second, output),
    operators: [
      [left - lead / 2, middle],
      [right - gap / 2, middle],
    ],
  };
}

/**
 * Large grids take the whole width each, and as much height as they need.
 * @param {number} width
 * @param {Shapes} shapes
 * @returns {Layout}
 */
function stacked(width, shapes) {
  let y = 0;
  const next = (/** @type {keyof Shapes} */ name, /** @type {number} */ largest) => {
    const shape = shapes[name];
    const cell = fit(largest, width / shape[1], 330 / shape[0]);
    const placed = place((width - cell * shape[1]) / 2, y + TITLE, cell, shape);
    y += TITLE + cell * shape[0] + 8;
    return placed;
  };
  const grids = {
    input: next("input", LARGEST),
    kernel: next("kernel", 30),
    output: next("output", LARGEST),
  };
  return { height: y, ...grids, operators: null };
}

/**
 * shapes: { input, kernel, output }, each [rows, columns]
 * @param {number} width
 * @param {Shapes} shapes
 */
export function layOut(width, shapes) {
  if (width >= 520) return sideBySide(width, shapes);
  const small = shapes.kernel[1] + shapes.output[1] <= 9 && shapes.input[1] <= 12;
  return small ? inTwoRows(width, shapes) : stacked(width, shapes);
}
