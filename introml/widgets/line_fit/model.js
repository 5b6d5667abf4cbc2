// Straight lines through points: the line of least squares, that of least absolute errors, and how
// much one point matters. A line is [w, b]; its errors are w·xᵢ + b − yᵢ.

import { centred, errors, leastSquares as fitted, squaredLoss } from "../maths/line.js";
import { dot, sum } from "../maths/numbers.js";

export { errors };

/** @typedef {import("../maths/symmetric.js").Pair} Line */

/** @param {number[]} x */
export function allEqual(x) {
  return x.every((value) => value === x[0]);
}

/** @param {number[]} x */
function refuseEqual(x) {
  if (allEqual(x)) {
    throw new Error(
      `all ${x.length} points have x = ${x[0]}, so every slope fits them equally well; ` +
        "move one of them sideways",
    );
  }
}

/**
 * [w, b] with the least Σ½(w·xᵢ + b − yᵢ)².
 * @param {number[]} x
 * @param {number[]} y
 */
export function leastSquares(x, y) {
  refuseEqual(x);
  return fitted(x, y);
}

/**
 * Σ½(ŷ − y)²: half the total area of the squares.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} line
 */
export function loss(x, y, line) {
  return squaredLoss(x, y, line);
}

/**
 * Σ|ŷ − y|.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} line
 */
export function absoluteLoss(x, y, line) {
  return sum(errors(x, y, line).map(Math.abs));
}

/**
 * A line with the least Σ|ŷ − y|. One of the best lines passes through two of the points (it is a
 * vertex of a linear programme), so trying every pair is exact.
 * @param {number[]} x
 * @param {number[]} y
 * @returns {Line}
 */
export function leastAbsolute(x, y) {
  refuseEqual(x);
  let least = Number.POSITIVE_INFINITY;
  /** @type {Line} */
  let best = [0, 0];
  for (let i = 0; i < x.length; i += 1) {
    for (let j = i + 1; j < x.length; j += 1) {
      if (x[i] === x[j]) continue;
      const w = (y[j] - y[i]) / (x[j] - x[i]);
      /** @type {Line} */
      const line = [w, y[i] - w * x[i]];
      const total = absoluteLoss(x, y, line);
      if (total < least) [best, least] = [line, total];
    }
  }
  return best;
}

/**
 * The least-squares line of all points but the one at `index`.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number} index
 */
export function leastSquaresWithout(x, y, index) {
  const others = (/** @type {number[]} */ values) => values.filter((_, i) => i !== index);
  if (x.length < 3) throw new Error("two points are left out of which none can be spared");
  return leastSquares(others(x), others(y));
}

/**
 * What w gains when yᵢ grows by 1: (xᵢ − x̄)/Σ(x − x̄)², for every i.
 * @param {number[]} x
 */
export function slopeShifts(x) {
  refuseEqual(x);
  const { away } = centred(x);
  const total = dot(away, away);
  return away.map((distance) => distance / total);
}

/**
 * 0 to 10 where all values lie in there; else their range with an eighth more at both ends.
 * @param {number[]} values
 * @returns {[number, number]}
 */
export function frame(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low >= 0 && high <= 10) return [0, 10];
  const spare = (high - low || Math.abs(high) || 1) / 8;
  return [low - spare, high + spare];
}
