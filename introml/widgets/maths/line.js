// A straight line ŷ = w·x + b through points, and its squared loss Σ ½(ŷ − y)².

import { dot, sum } from "./numbers.js";

/** @import { Pair } from "./symmetric.js" */
/** @import { Symmetric } from "./symmetric.js" */

/**
 * Refuses lists that are not paired.
 * @param {number[]} x
 * @param {number[]} y
 */
export function checkPairs(x, y) {
  if (x.length !== y.length) {
    throw new Error(`x has ${x.length} values and y has ${y.length}; they must be paired`);
  }
}

/**
 * ŷ − y at every point.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} line [w, b]
 */
export function errors(x, y, [w, b]) {
  checkPairs(x, y);
  return x.map((value, i) => w * value + b - y[i]);
}

/**
 * Σ ½(ŷ − y)².
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} line [w, b]
 */
export function squaredLoss(x, y, line) {
  return sum(errors(x, y, line).map((error) => error ** 2 / 2));
}

/**
 * (∂w, ∂b) of the squared loss, summed over all points or over those whose indices are given.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} line [w, b]
 * @param {number[] | null} [indices]
 * @returns {Pair}
 */
export function lossGradient(x, y, [w, b], indices = null) {
  /** @type {Pair} */
  const total = [0, 0];
  const add = (/** @type {number} */ i) => {
    const error = w * x[i] + b - y[i];
    total[0] += error * x[i];
    total[1] += error;
  };
  // A plain loop: a run takes many thousand of these while the reader drags.
  if (indices) for (const i of indices) add(i);
  else for (let i = 0; i < x.length; i += 1) add(i);
  return total;
}

/**
 * The Hessian of the squared loss, XᵀX for the design [x, 1]: [[Σx², Σx], [Σx, n]].
 * @param {number[]} x
 * @returns {Symmetric}
 */
export function lossHessian(x) {
  return [
    [dot(x, x), sum(x)],
    [sum(x), x.length],
  ];
}

/**
 * Distances from the mean. Taking x₀ away first loses no digits where all x lie close together.
 * @param {number[]} values
 */
export function centred(values) {
  const moved = values.map((value) => value - values[0]);
  const middle = sum(moved) / moved.length;
  return { mean: values[0] + middle, away: moved.map((value) => value - middle) };
}

/**
 * [w, b] with the least squared loss; the x must not all be equal.
 * @param {number[]} x
 * @param {number[]} y
 * @returns {Pair}
 */
export function leastSquares(x, y) {
  checkPairs(x, y);
  const [cx, cy] = [centred(x), centred(y)];
  const w = dot(cx.away, cy.away) / dot(cx.away, cx.away);
  return [w, cy.mean - w * cx.mean];
}

/**
 * The least-squares line, where the gradient is zero.
 * @param {number[]} x
 * @param {number[]} y
 */
export function minimum(x, y) {
  const [[sxx, sx], [, n]] = lossHessian(x);
  if (Math.abs(sxx * n - sx * sx) < 1e-12 * Math.max(1, sxx * n)) {
    throw new Error(
      "all x are equal, so no single best line exists; give at least two values of x",
    );
  }
  return leastSquares(x, y);
}
