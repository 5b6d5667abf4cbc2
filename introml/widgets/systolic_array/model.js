// A systolic array: in each cycle every cell hands its input to the right and its sum down.

import { generator } from "../maths/random.js";

/** @typedef {number[][]} Rows */
/** @typedef {(number | null)[][]} Grid null where a cell has nothing */
/**
 * @typedef {object} Cycle what the grid holds after a cycle
 * @property {Grid} inputs
 * @property {Grid} sums
 * @property {[t: number, j: number, value: number][]} left what came out at the bottom
 */

/**
 * Whole numbers from 1 to 9: X (T, K) and W (K, N).
 * @param {number} seed
 * @param {number} T
 * @param {number} K
 * @param {number} N
 * @returns {{ X: Rows, W: Rows }}
 */
export function draw(seed, T, K, N) {
  const random = generator(seed);
  const matrix = (/** @type {number} */ rows, /** @type {number} */ columns) =>
    Array.from({ length: rows }, () =>
      Array.from({ length: columns }, () => 1 + Math.floor(9 * random())),
    );
  const W = matrix(K, N);
  return { X: matrix(T, K), W };
}

/**
 * All cycles of X W. Row i of the grid gets column i of X, i cycles late.
 * @param {Rows} X
 * @param {Rows} W
 * @returns {Cycle[]}
 */
export function run(X, W) {
  const [T, K, N] = [X.length, W.length, W[0].length];
  /** @type {() => Grid} */
  const empty = () => Array.from({ length: K }, () => new Array(N).fill(null));
  let [inputs, sums] = [empty(), empty()];
  const done = new Array(N).fill(0);
  /** @type {Cycle[]} */
  const cycles = [];
  while (done.some((count) => count < T)) {
    const now = cycles.length;
    const before = { inputs, sums };
    [inputs, sums] = [empty(), empty()];
    for (let i = 0; i < K; i += 1) {
      for (let j = 0; j < N; j += 1) {
        const entering = now - i >= 0 && now - i < T ? X[now - i][i] : null;
        const x = j === 0 ? entering : before.inputs[i][j - 1];
        const above = i === 0 ? 0 : before.sums[i - 1][j];
        inputs[i][j] = x;
        sums[i][j] = x === null || above === null ? null : above + x * W[i][j];
      }
    }
    /** @type {Cycle["left"]} */
    const left = [];
    for (let j = 0; j < N; j += 1) {
      const value = sums[K - 1][j];
      if (value !== null) {
        left.push([done[j], j, value]);
        done[j] += 1;
      }
    }
    cycles.push({ inputs, sums, left });
  }
  return cycles;
}

/**
 * The cells that multiplied in a cycle.
 * @param {Cycle} cycle
 */
export function busy({ sums }) {
  return sums.flat().filter((value) => value !== null).length;
}

/**
 * The share of all cells and cycles in which a product is made.
 * @param {number} T
 * @param {number} K
 * @param {number} N
 */
export function utilization(T, K, N) {
  return T / (T + K + N - 2);
}
