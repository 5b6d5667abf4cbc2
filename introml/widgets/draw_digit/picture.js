// A picture is 784 bytes, row after row, 0 for paper and 255 for ink. As text, which fits into a link
// and into a trait, each byte is two hexadecimal digits.

import { clamp, dot, sum } from "../maths/numbers.js";

export const SIDE = 28;
const BOX = 20; // MNIST fits each digit's ink into 20 × 20 pixels

/** @returns {number[]} */
export const blank = () => new Array(SIDE * SIDE).fill(0);

/** @param {number[]} pixels */
export function toText(pixels) {
  return pixels.map((value) => value.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text */
export function fromText(text) {
  if (typeof text !== "string" || !/^[0-9a-f]{1568}$/.test(text)) {
    throw new Error("a drawing must be 28 × 28 pixels of two hexadecimal digits each");
  }
  return Array.from({ length: SIDE * SIDE }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

/**
 * Distance from a point to the segment from a to b.
 * @param {number[]} point
 * @param {number[]} a
 * @param {number[]} b
 */
function distance([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((px - ax) * dx + (py - ay) * dy) / length;
  const t = clamp(along, 0, 1);
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}

/**
 * The picture after a round pen has moved from a to b, in pixels [x, y] from the upper left corner.
 * The pen covers a pixel wholly up to radius − ½ from its path and not at all beyond radius + ½.
 * @param {number[]} pixels
 * @param {number[]} a
 * @param {number[]} b
 */
export function stroke(pixels, a, b, radius = 1.3, erase = false) {
  return pixels.map((old, i) => {
    const centre = [(i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5];
    const cover = clamp(radius + 0.5 - distance(centre, a, b), 0, 1);
    const value = Math.round(255 * cover);
    return erase ? Math.min(old, 255 - value) : Math.max(old, value);
  });
}

/**
 * Rows of weights: row i averages the part of the old pixels that [i·old/new, (i + 1)·old/new) covers.
 * @param {number} old
 * @param {number} fresh
 */
function areaMeans(old, fresh) {
  return Array.from({ length: fresh }, (_, i) =>
    Array.from({ length: old }, (_, k) => {
      const covered = Math.min(((i + 1) * old) / fresh, k + 1) - Math.max((i * old) / fresh, k);
      return (Math.max(0, covered) * fresh) / old;
    }),
  );
}

/**
 * Where a side with this much ink in each row starts, for its centre to fall into pixel 14.
 * @param {number[]} mass
 */
function offset(mass) {
  const centre =
    dot(
      mass,
      mass.map((_, i) => i + 0.5),
    ) / sum(mass);
  // A symmetric drawing has its centre on an edge between pixels: rounding must not decide.
  const start = SIDE / 2 - Math.floor(centre + 1e-6);
  return clamp(start, 0, SIDE - mass.length);
}

/**
 * @param {number} from
 * @param {number} to
 */
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/**
 * 784 numbers from 0 to 1: the ink scaled into 20 × 20 and centred, as MNIST prepares a digit.
 * @param {number[]} pixels
 */
export function normalized(pixels) {
  const out = blank();
  const inked = range(0, SIDE * SIDE - 1).filter((i) => pixels[i] > 0);
  if (inked.length === 0) return out;
  /** @type {((i: number) => number)[]} */
  const parts = [(i) => Math.floor(i / SIDE), (i) => i % SIDE];
  const [rows, columns] = parts.map((part) => {
    const at = inked.map(part);
    return range(Math.min(...at), Math.max(...at));
  });
  const scale = BOX / Math.max(rows.length, columns.length);
  const [height, width] = [rows, columns].map((side) =>
    Math.max(1, Math.floor(side.length * scale + 0.5)),
  );
  const across = areaMeans(columns.length, width);
  const down = areaMeans(rows.length, height);
  const narrowed = rows.map((row) =>
    across.map((weights) => sum(weights.map((w, k) => w * pixels[row * SIDE + columns[k]])) / 255),
  );
  const small = down.map((weights) =>
    range(0, width - 1).map((j) => sum(weights.map((w, k) => w * narrowed[k][j]))),
  );
  const top = offset(small.map(sum));
  const left = offset(range(0, width - 1).map((j) => sum(small.map((row) => row[j]))));
  for (const [i, row] of small.entries()) {
    for (const [j, value] of row.entries()) out[(top + i) * SIDE + left + j] = value;
  }
  return out;
}

/**
 * What the network is given: scaled and centred, or the pixels as they are.
 * @param {number[]} pixels
 * @param {boolean} scaled
 */
export function prepared(pixels, scaled) {
  return scaled ? normalized(pixels) : pixels.map((value) => value / 255);
}

/**
 * An SVG path for each of `levels` shades: [[shade from 0 to 1, path], …], one unit a pixel.
 * @param {number[]} values
 * @returns {[number, string][]}
 */
export function shades(values, levels = 16) {
  const paths = new Map();
  for (const [i, value] of values.entries()) {
    const level = Math.round(value * levels);
    if (level === 0) continue;
    const cell = `M${i % SIDE} ${Math.floor(i / SIDE)}h1v1h-1z`;
    paths.set(level, (paths.get(level) ?? "") + cell);
  }
  return [...paths].map(([level, path]) => [level / levels, path]);
}
