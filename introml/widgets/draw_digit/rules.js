// Three hand-written rules for a 7. The same, with its reasons, in Python: introml/digit_rules.py.

import { SIDE } from "./picture.js";

const INK = 127.5; // half of 255
const THIN = 0.4;
export const LIMITS = { bar: 0.5, slope: 0, thin: 0.9, gap: 0.4 };

/** @typedef {[number, number]} Pair */

/**
 * [first, last] column of the longest run of ink, the leftmost of equals; [0, -1] if none.
 * @param {boolean[]} row
 * @returns {Pair}
 */
export function longestRun(row) {
  /** @type {Pair} */
  let best = [0, -1];
  let start = 0;
  for (const [column, inked] of [...row, false].entries()) {
    if (inked) continue;
    if (column - start > best[1] - best[0] + 1) best = [start, column - 1];
    start = column + 1;
  }
  return best;
}

/**
 * [slope, mean row, mean column] of the least-squares line through [row, column] points.
 * @param {Pair[]} points
 */
export function fitLine(points) {
  const total = (/** @type {(point: Pair) => number} */ value) =>
    points.reduce((sum, point) => sum + value(point), 0);
  const n = points.length;
  const [rows, columns] = [total(([row]) => row), total(([, column]) => column)];
  const spread = n * total(([row]) => row * row) - rows * rows;
  if (spread === 0) return [Number.NaN, Number.NaN, Number.NaN];
  const together = n * total(([row, column]) => row * column) - rows * columns;
  return [together / spread, rows / n, columns / n];
}

/**
 * What the rules measure in 784 bytes; null without any ink. Rows and columns count from 0.
 * @param {number[]} pixels
 */
export function examine(pixels) {
  const ink = Array.from({ length: SIDE }, (_, row) =>
    pixels.slice(row * SIDE, (row + 1) * SIDE).map((value) => value >= INK),
  );
  const inked = [...ink.keys()].filter((row) => ink[row].includes(true));
  if (inked.length === 0) return null;
  const ends = ink.map((line) => [line.indexOf(true), line.lastIndexOf(true)]);
  const [top, bottom] = [inked[0], inked[inked.length - 1]];
  const left = Math.min(...inked.map((row) => ends[row][0]));
  const right = Math.max(...inked.map((row) => ends[row][1]));
  const width = right - left + 1;
  const third = top + Math.ceil((bottom - top + 1) / 3);

  let [barRow, barStart, barEnd] = [0, 0, -1];
  for (let row = top; row < third; row += 1) {
    const [start, end] = longestRun(ink[row]);
    if (end - start > barEnd - barStart) [barRow, barStart, barEnd] = [row, start, end];
  }

  const below = inked.filter((row) => row >= third);
  const [slope, middleRow, middleColumn] = fitLine(
    below.map((row) => [row, (ends[row][0] + ends[row][1]) / 2]),
  );
  const thinRows = below.filter((row) => ends[row][1] - ends[row][0] + 1 <= THIN * width).length;
  const reach = middleColumn + slope * (barRow - middleRow);
  return {
    box: { top, bottom, left, right, third },
    barRow,
    barStart,
    barEnd,
    bar: (barEnd - barStart + 1) / width,
    slope,
    thin: below.length > 0 ? thinRows / below.length : 0,
    reach,
    gap: Math.abs(barEnd - reach) / width,
  };
}

/**
 * Whether each rule holds: a bar, a diagonal, and that they meet.
 * @param {ReturnType<typeof examine>} found
 */
export function verdicts(found) {
  if (found === null) return [false, false, false];
  return [
    found.bar >= LIMITS.bar,
    found.slope < LIMITS.slope && found.thin >= LIMITS.thin,
    found.gap <= LIMITS.gap,
  ];
}
