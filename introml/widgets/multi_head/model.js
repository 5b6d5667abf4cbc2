// Multi-head attention on small matrices (lists of rows): the columns of Q, K and V are cut into
// heads, each head attends for itself, and the joined outputs are multiplied by W^O.

import { times, timesTransposed } from "../maths/matrix.js";
import { generator, normal } from "../maths/random.js";
import { softmax } from "../maths/softmax.js";

/** @import { Matrix } from "../maths/matrix.js" */
/** @typedef {{ X: Matrix, Wq: Matrix, Wk: Matrix, Wv: Matrix, Wo: Matrix }} Layer */

export const WORDS = ["Anna", "thanked", "her", "brother"];
export const WIDTH = 8;

/**
 * An untrained layer: X (4 × 8) and the four matrices (8 × 8), of normal numbers; those of the
 * matrices are divided by √8, those of W^Q by half of that, so that weights differ visibly.
 * @param {number} seed
 * @returns {Layer}
 */
export function layer(seed) {
  const random = generator(seed);
  const matrix = (/** @type {number} */ rows, /** @type {number} */ scale) =>
    Array.from({ length: rows }, () => Array.from({ length: WIDTH }, () => scale * normal(random)));
  const usual = 1 / Math.sqrt(WIDTH);
  return {
    X: matrix(WORDS.length, 1),
    Wq: matrix(WIDTH, 2 * usual),
    Wk: matrix(WIDTH, usual),
    Wv: matrix(WIDTH, usual),
    Wo: matrix(WIDTH, usual),
  };
}

/**
 * The columns of one head: (T, C) -> (T, D), with D = C / heads.
 * @param {Matrix} matrix
 * @param {number} heads
 * @param {number} head counted from 0
 * @returns {Matrix}
 */
export function part(matrix, heads, head) {
  const columns = matrix[0].length;
  if (columns % heads !== 0) {
    throw new Error(`${columns} columns cannot be cut into ${heads} heads of one width`);
  }
  const width = columns / heads;
  return matrix.map((row) => row.slice(head * width, (head + 1) * width));
}

/**
 * All that a multi-head layer computes on the way: q, k, v (T, C), the weights of each head (H, T, T),
 * the outputs of the heads joined (T, C), and their product with W^O.
 * @param {Layer} layer
 * @param {number} heads
 */
export function multiHead({ X, Wq, Wk, Wv, Wo }, heads) {
  const [q, k, v] = [Wq, Wk, Wv].map((W) => times(X, W));
  const root = Math.sqrt(q[0].length / heads);
  const each = Array.from({ length: heads }, (_, head) => {
    const [own, keys, values] = [q, k, v].map((matrix) => part(matrix, heads, head));
    const scores = timesTransposed(own, keys);
    const weights = scores.map((row) => softmax(row.map((score) => score / root)));
    return { weights, output: times(weights, values) };
  });
  const joined = X.map((_, t) => each.flatMap(({ output }) => output[t]));
  return {
    q,
    k,
    v,
    weights: each.map(({ weights }) => weights),
    joined,
    output: times(joined, Wo),
  };
}

/**
 * How many numbers the four matrices hold.
 * @param {Layer} layer
 */
export function parameters({ Wq, Wk, Wv, Wo }) {
  return [Wq, Wk, Wv, Wo].reduce((sum, W) => sum + W.length * W[0].length, 0);
}
