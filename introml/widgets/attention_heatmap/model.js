// Scaled dot-product attention on small matrices (lists of rows), and reading a recorded encoder.
// True in a mask means "may attend". A row that may attend to nothing gets weights of zero.

import { resized, times, timesTransposed } from "../maths/matrix.js";
import { entropy, softmax } from "../maths/softmax.js";

export { entropy, resized, softmax, times, timesTransposed };

/** @import { Matrix } from "../maths/matrix.js" */
/** @typedef {"none" | "causal" | "padding"} Mask */
/**
 * @typedef {object} Options
 * @property {boolean} [scaled]
 * @property {Mask} [mask]
 * @property {number} [length] keys before the padding
 * @property {number} [temperature]
 */

/**
 * mask[t][s]: "none", "causal" (s ≤ t, the last query at the last key) or "padding" (s < length).
 * @param {Mask} kind
 * @param {number} queries
 * @param {number} keys
 */
export function makeMask(kind, queries, keys, length = keys) {
  /** @type {Record<Mask, (t: number, s: number) => boolean>} */
  const rules = {
    none: () => true,
    causal: (t, s) => s <= t + keys - queries,
    padding: (_, s) => s < length,
  };
  const allowed = rules[kind];
  if (!allowed) throw new Error(`mask is "${kind}"; it must be none, causal or padding`);
  return Array.from({ length: queries }, (_, t) =>
    Array.from({ length: keys }, (_, s) => allowed(t, s)),
  );
}

/**
 * @param {string} name
 * @param {Matrix} matrix
 */
function checkMatrix(name, matrix) {
  const columns = matrix?.[0]?.length;
  const numbers = (/** @type {number[]} */ row) =>
    row.length === columns && row.every((v) => Number.isFinite(v));
  if (!columns || !matrix.every(numbers)) {
    throw new Error(`${name} must be rows of equal length, each entry a finite number`);
  }
}

/**
 * QKᵀ, divided by √d_k if `scaled`: what the mask and the temperature then act on.
 * @param {Matrix} queries
 * @param {Matrix} keys
 */
export function scores(queries, keys, scaled = true) {
  checkMatrix("Q", queries);
  checkMatrix("K", keys);
  const width = queries[0].length;
  if (keys[0].length !== width) {
    throw new Error(
      `a query has ${width} numbers and a key ${keys[0].length}; they must have the same d_k`,
    );
  }
  const divisor = scaled ? Math.sqrt(width) : 1;
  return timesTransposed(queries, keys).map((row) => row.map((score) => score / divisor));
}

/**
 * softmax(scores / temperature) V with its parts. `scores` are those that enter the softmax: divided
 * by the temperature, −∞ where the mask forbids.
 * @param {Matrix} queries
 * @param {Matrix} keys
 * @param {Matrix} values
 * @param {Options} options
 */
export function attention(queries, keys, values, options = {}) {
  const { scaled = true, mask = "none", length = keys.length, temperature = 1 } = options;
  checkMatrix("V", values);
  if (values.length !== keys.length) {
    throw new Error(
      `there are ${keys.length} keys and ${values.length} values; each key needs one`,
    );
  }
  if (!(temperature > 0)) {
    throw new Error(`the temperature is ${temperature}; it must be above 0`);
  }
  const allowed = makeMask(mask, queries.length, keys.length, length);
  const masked = scores(queries, keys, scaled).map((row, t) =>
    row.map((score, s) => (allowed[t][s] ? score / temperature : Number.NEGATIVE_INFINITY)),
  );
  const weights = masked.map((row) => softmax(row));
  const output = times(weights, values);
  return { allowed, scores: masked, weights, output, entropies: weights.map(entropy) };
}

/**
 * weights[layer][head][query][key] of a recorded sentence, whose bytes are round(255 · weight).
 * A row is divided by its sum, so that rounding does not keep it from adding up to 1.
 * @param {{ text: string, tokens: string[], weights: string }} sentence
 * @param {number} layers
 * @param {number} heads
 * @returns {Matrix[][]}
 */
export function dequantize(sentence, layers, heads) {
  const bytes = atob(sentence.weights);
  const n = sentence.tokens.length;
  if (bytes.length !== layers * heads * n * n) {
    throw new Error(
      `“${sentence.text}” has ${bytes.length} recorded weights; ${layers} layers of ${heads} heads ` +
        `over ${n} tokens need ${layers * heads * n * n}`,
    );
  }
  let at = 0;
  // Plain loops: a new sentence is some 18,000 weights, read while the reader waits.
  const readRow = () => {
    const row = new Array(n);
    let sum = 0;
    for (let j = 0; j < n; j += 1) {
      row[j] = bytes.charCodeAt(at++);
      sum += row[j];
    }
    for (let j = 0; j < n; j += 1) row[j] /= sum;
    return row;
  };
  return Array.from({ length: layers }, () =>
    Array.from({ length: heads }, () => Array.from({ length: n }, readRow)),
  );
}

/**
 * The `count` largest weights of a row, largest first, as [index, weight]; ties keep their order.
 * @param {number[]} weights
 * @param {number} count
 * @returns {[number, number][]}
 */
export function strongest(weights, count) {
  return [...weights.entries()].sort((a, b) => b[1] - a[1]).slice(0, count);
}

/**
 * The mean of a head's rows: how much weight each key gets from an average query.
 * @param {Matrix} matrix
 */
export function meanRow(matrix) {
  return matrix[0].map((_, j) => matrix.reduce((sum, row) => sum + row[j], 0) / matrix.length);
}

/**
 * How dark a weight is drawn, 0 to 1. The root lets small weights show.
 * @param {number} weight
 */
export function shade(weight) {
  return Math.sqrt(weight);
}

/**
 * Heat maps [{ matrix, left, top }, …] as one SVG path for each of `levels` shades: `paths[i]` is
 * stroked one unit wide with opacity (i + 1) / levels, and what rounds to shade 0 is left out. One
 * unit is one cell; the line of a map's row i runs at height top + i, and equal neighbours share a
 * line. Moves are relative, which makes the text of 72 maps a fraction as long once compressed.
 * @param {{ matrix: Matrix, left: number, top: number }[]} maps
 * @param {number} levels
 */
export function shadePaths(maps, levels) {
  const paths = Array.from({ length: levels }, () => ({ text: "", x: 0, y: 0 }));
  for (const { matrix, left, top } of maps) {
    for (const [i, row] of matrix.entries()) {
      for (let start = 0, end = 0; start < row.length; start = end) {
        const level = Math.round(levels * shade(row[start]));
        do end += 1;
        while (end < row.length && Math.round(levels * shade(row[end])) === level);
        if (level === 0) continue;
        const path = paths[level - 1];
        const [x, y] = [left + start, top + i];
        path.text += `m${x - path.x} ${y - path.y}h${end - start}`;
        path.x = left + end;
        path.y = y;
      }
    }
  }
  return paths.map(({ text }) => text);
}
