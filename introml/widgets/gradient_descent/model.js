// Gradient descent on the squared loss of a straight line: everything about it is known exactly.
// Loss: L(w, b) = Σ ½(w·xᵢ + b − yᵢ)², or that sum divided by n when `kind` is "mean".

import { lossGradient, lossHessian, minimum, squaredLoss } from "../maths/line.js";
import { eigen, scaledBy } from "../maths/symmetric.js";

export { eigen, minimum };

/** @import { Pair } from "../maths/symmetric.js" */
/** @import { Symmetric } from "../maths/symmetric.js" */
/** @typedef {"sum" | "mean"} Kind */

/**
 * The Hessian of the loss, the same everywhere.
 * @param {number[]} x
 * @param {Kind} kind
 * @returns {Symmetric}
 */
export function hessian(x, kind = "sum") {
  return scaledBy(lossHessian(x), kind === "mean" ? 1 / x.length : 1);
}

/**
 * Gradient descent converges for every start exactly when η < 2/λmax of the Hessian.
 * @param {number[]} x
 * @param {Kind} kind
 */
export function largestStableRate(x, kind = "sum") {
  return 2 / eigen(hessian(x, kind)).values[1];
}

/**
 * The constant rate that shrinks the worst error fastest: both eigenvalues then give one factor.
 * @param {number[]} x
 * @param {Kind} kind
 */
export function bestRate(x, kind = "sum") {
  const [flat, steep] = eigen(hessian(x, kind)).values;
  return 2 / (flat + steep);
}

/**
 * How many steps make every error at most `factor` times as large; Infinity from the bound on.
 * @param {number[]} x
 * @param {number} rate
 * @param {number} factor
 * @param {Kind} kind
 */
export function stepsToShrink(x, rate, factor, kind = "sum") {
  const slowest = Math.max(
    ...eigen(hessian(x, kind)).values.map((value) => Math.abs(1 - rate * value)),
  );
  if (slowest >= 1) return Infinity;
  return slowest === 0 ? 1 : Math.max(1, Math.ceil(Math.log(factor) / Math.log(slowest) - 1e-9));
}

/**
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} point [w, b]
 * @param {Kind} kind
 */
export function loss(x, y, point, kind = "sum") {
  return squaredLoss(x, y, point) / (kind === "mean" ? x.length : 1);
}

/**
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} point [w, b]
 * @param {Kind} kind
 * @returns {Pair}
 */
export function gradient(x, y, point, kind = "sum") {
  const [w, b] = lossGradient(x, y, point);
  return kind === "mean" ? [w / x.length, b / x.length] : [w, b];
}

/**
 * The points (w, b) visited from `start`: steps + 1 of them.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} start
 * @param {number} rate
 * @param {number} steps
 * @param {Kind} kind
 */
export function trajectory(x, y, start, rate, steps, kind = "sum") {
  const path = [[...start]];
  for (let step = 0; step < steps; step += 1) {
    const [w, b] = path[step];
    const [dw, db] = gradient(x, y, [w, b], kind);
    path.push([w - rate * dw, b - rate * db]);
  }
  return path;
}

/**
 * What a rate does on this loss, whatever the start. Along an eigenvector each step multiplies the
 * distance to the minimum by 1 − ηλ: negative means that it jumps across, over 1 in size that it grows.
 * "creeps" if more than half of the distance along the flat direction is left after `steps`.
 * @param {number[]} x
 * @param {number} rate
 * @param {number} steps
 * @param {Kind} kind
 */
export function verdict(x, rate, steps, kind = "sum") {
  const [flat, steep] = eigen(hessian(x, kind)).values;
  const product = rate * steep;
  if (Math.abs(product - 2) < 1e-9) return "never settles";
  if (product > 2) return "diverges";
  if (product > 1) return "oscillates";
  return Math.abs(1 - rate * flat) ** steps > 0.5 ? "creeps" : "converges";
}

/**
 * The rates at which the verdict changes: creeps | converges | oscillates | diverges.
 * @param {number[]} x
 * @param {number} steps
 * @param {Kind} kind
 */
export function borders(x, steps, kind = "sum") {
  const [flat, steep] = eigen(hessian(x, kind)).values;
  const halved = (1 - 0.5 ** (1 / steps)) / flat;
  return [Math.min(halved, 1 / steep), 1 / steep, 2 / steep];
}
