// Where the grids lie: a row for each input channel (its numbers, its kernel, its sum), and the output
// channels to the right of them or, where it is narrow, below.

import { SIDE } from "./model.js";

const TITLE = 44;
const LABEL = 20;
const ROWS = 352;
const LARGEST = 50;

/** @typedef {{ x: number, y: number, cell: number, side: number }} Place */
/**
 * @typedef {object} Row
 * @property {Place} input
 * @property {Place} kernel
 * @property {Place} share
 * @param {number} x
 * @param {number} y the middle
 * @param {number} cell
 * @param {number} side rows and columns
 * @returns {Place}
 */
const centred = (x, y, cell, side) => ({ x, y: y - (side * cell) / 2, cell, side });

/**
 * @param {number} width
 * @param {{ channels: number, outputs: number, size: number }} setting
 */
export function layOut(width, { channels, outputs, size }) {
  const beside = width >= 520;
  const side = SIDE - size + 1;
  const [gap, lead] = beside ? [36, 76] : [26, 0];
  const apart = 18; // between outputs that stand in one line
  const across = 2 * SIDE + 1; // the cells of a row: input, kernel and sum
  const room = width - 2 * gap - lead - 4;
  const cell = Math.min(
    LARGEST,
    (ROWS / channels - LABEL) / SIDE,
    room / (across + (beside ? side : 0)),
  );
  const height = SIDE * cell + LABEL;
  const ofOutput = beside
    ? Math.min(cell, (ROWS / outputs - LABEL) / side)
    : Math.min(LARGEST, cell * 1.2, (width - 4 - apart * (outputs - 1)) / (outputs * side));
  const used = across * cell + 2 * gap + (beside ? lead + side * ofOutput : 0);
  const left = (width - used) / 2;
  const x = [left, left + SIDE * cell + gap, 0, 0];
  x[2] = x[1] + size * cell + gap;
  x[3] = x[2] + side * cell + lead;
  const blank = beside ? (ROWS - channels * height) / 2 : 0;
  const rows = Array.from({ length: channels }, (_, c) => {
    const y = TITLE + blank + c * height + LABEL + (SIDE * cell) / 2;
    return {
      input: centred(x[0], y, cell, SIDE),
      kernel: centred(x[1], y, cell, size),
      share: centred(x[2], y, cell, side),
    };
  });
  const end = TITLE + (beside ? ROWS : channels * height);
  const below = beside ? 0 : LABEL + side * ofOutput + TITLE + 6;
  const ownHeight = side * ofOutput + LABEL;
  const over = (ROWS - outputs * ownHeight) / 2;
  const inLine = outputs * side * ofOutput + (outputs - 1) * apart;
  const results = Array.from({ length: outputs }, (_, o) =>
    beside
      ? { x: x[3], y: TITLE + over + o * ownHeight + LABEL, cell: ofOutput, side }
      : {
          x: (width - inLine) / 2 + o * (side * ofOutput + apart),
          y: end + TITLE + LABEL,
          cell: ofOutput,
          side,
        },
  );
  return { beside, height: end + below + 8, rows, results, gap, ends: end };
}
