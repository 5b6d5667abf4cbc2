// The minimum of a quadratic loss of two weights plus a penalty on them.

/** @import { Pair } from "../maths/symmetric.js" */
/** @typedef {"l1" | "l2"} Penalty */

/**
 * Towards 0 by `by`, and no further.
 * @param {number} value
 * @param {number} by
 */
export function softThreshold(value, by) {
  return Math.sign(value) * Math.max(Math.abs(value) - by, 0);
}

/**
 * ½(w − ŵ)ᵀH(w − ŵ) with H = (1 ρ; ρ 1).
 * @param {number[]} w
 * @param {number[]} best
 * @param {number} correlation
 */
export function loss(w, best, correlation) {
  const [a, b] = [w[0] - best[0], w[1] - best[1]];
  return (a * a + 2 * correlation * a * b + b * b) / 2;
}

/**
 * |w₁| + |w₂|, or ½(w₁² + w₂²).
 * @param {Penalty} penalty
 * @param {number[]} w
 */
export function size(penalty, w) {
  return penalty === "l1" ? Math.abs(w[0]) + Math.abs(w[1]) : (w[0] * w[0] + w[1] * w[1]) / 2;
}

/**
 * The minimum of the loss plus λ times the size of the weights.
 * @param {Penalty} penalty
 * @param {number} strength λ
 * @param {number[]} best ŵ
 * @param {number} correlation ρ
 * @returns {Pair}
 */
export function minimum(penalty, strength, best, correlation) {
  // Hŵ: minus the slope of the loss at 0.
  const pull = [best[0] + correlation * best[1], correlation * best[0] + best[1]];
  return penalty === "l1"
    ? lasso(strength, pull, correlation)
    : solve(1 + strength, correlation, pull[0], pull[1]);
}

/**
 * (d ρ; ρ d) w = (a, b).
 * @param {number} d
 * @param {number} correlation
 * @param {number} a
 * @param {number} b
 * @returns {Pair}
 */
function solve(d, correlation, a, b) {
  const determinant = d * d - correlation * correlation;
  return [(d * a - correlation * b) / determinant, (d * b - correlation * a) / determinant];
}

/**
 * With both weights' signs s the minimum solves Hw = Hŵ − λs; with one weight at 0 the other is a
 * soft threshold. The loss is strictly convex, so the one candidate without contradiction is it.
 * @param {number} strength
 * @param {number[]} pull
 * @param {number} correlation
 * @returns {Pair}
 */
function lasso(strength, pull, correlation) {
  for (const first of [1, -1]) {
    for (const second of [1, -1]) {
      const w = solve(1, correlation, pull[0] - strength * first, pull[1] - strength * second);
      if (w[0] * first > 0 && w[1] * second > 0) return w;
    }
  }
  const [one, other] = pull.map((value) => softThreshold(value, strength));
  // The weight at 0 stays there if the loss pulls at it by at most λ.
  return Math.abs(pull[1] - correlation * one) <= Math.abs(pull[0] - correlation * other)
    ? [one, 0]
    : [0, other];
}

/**
 * The weights for each λ.
 * @param {Penalty} penalty
 * @param {number[]} best
 * @param {number} correlation
 * @param {number[]} strengths
 */
export function path(penalty, best, correlation, strengths) {
  return strengths.map((strength) => minimum(penalty, strength, best, correlation));
}

/**
 * Corners, or points of a circle, of all weights whose penalty is that of w.
 * @param {Penalty} penalty
 * @param {number[]} w
 * @returns {Pair[]}
 */
export function outline(penalty, w) {
  if (penalty === "l1") {
    const r = size("l1", w);
    return [
      [r, 0],
      [0, r],
      [-r, 0],
      [0, -r],
      [r, 0],
    ];
  }
  const r = Math.hypot(w[0], w[1]);
  return Array.from({ length: 121 }, (_, i) => {
    const angle = (i * Math.PI) / 60;
    return /** @type {Pair} */ ([r * Math.cos(angle), r * Math.sin(angle)]);
  });
}

/**
 * Points of the ellipse on which the loss has a value.
 * @param {number} level
 * @param {number[]} best
 * @param {number} correlation
 * @returns {Pair[]}
 */
export function contour(level, best, correlation) {
  // Along (1, 1) and (1, −1) the curvature is 1 + ρ and 1 − ρ.
  const [long, short] = [1 + correlation, 1 - correlation].map((c) => Math.sqrt((2 * level) / c));
  return Array.from({ length: 121 }, (_, i) => {
    const angle = (i * Math.PI) / 60;
    const [u, v] = [long * Math.cos(angle), short * Math.sin(angle)].map((x) => x / Math.SQRT2);
    return /** @type {Pair} */ ([best[0] + u + v, best[1] + u - v]);
  });
}
