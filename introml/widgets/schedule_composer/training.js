// A small problem to try schedules on: a bowl that is steeper far out than at its bottom, walked down
// by gradient descent whose gradients are noisy, as those of minibatches are.

import { generator, normal } from "../maths/random.js";

/** @import { Pair } from "../maths/symmetric.js" */

/** L(θ) = ½(λ₁θ₁² + λ₂θ₂²) + ¼cθ₁⁴. */
export const CURVATURES = [1, 0.05];
export const QUARTIC = 0.25;
/** @type {Pair} */
export const START = [3, 4];
export const RUNS = 24;
const STREAMS = 4096; // apart from one seed to the next
const LOST = 1e4; // a run that gets this far out never comes back

/** @param {Pair} point */
export function loss([p, q]) {
  return (CURVATURES[0] * p * p + CURVATURES[1] * q * q) / 2 + (QUARTIC * p ** 4) / 4;
}

/**
 * @param {Pair} point
 * @returns {Pair}
 */
export function gradient([p, q]) {
  return [CURVATURES[0] * p + QUARTIC * p ** 3, CURVATURES[1] * q];
}

/**
 * The largest rate that does not take θ₁ further out than it was, where θ₁² is `square`. A step
 * without noise multiplies θ₁ by 1 − η(λ₁ + cθ₁²): the bound is 2/λ₁ at the bottom, lower further out.
 * @param {number} square
 */
export function bound(square) {
  return 2 / (CURVATURES[0] + QUARTIC * square);
}

/**
 * Standard normal pairs, one for each run and step: noise(seed, runs, steps)[run][step] = [ξ₁, ξ₂].
 * Each run has its own stream, so that more steps continue the same runs.
 * @param {number} seed
 * @param {number} runs
 * @param {number} steps
 * @returns {Pair[][]}
 */
export function noise(seed, runs, steps) {
  return Array.from({ length: runs }, (_, run) => {
    const random = generator(STREAMS * seed + run);
    return Array.from({ length: steps }, () => [normal(random), normal(random)]);
  });
}

/** @param {Pair} point */
function isLost([p, q]) {
  return !(Math.abs(p) <= LOST && Math.abs(q) <= LOST);
}

/**
 * The points of one run, steps + 1 of them; a lost run stays where it was lost.
 * @param {number[]} rates
 * @param {Pair[]} draws
 * @param {number} sigma
 * @returns {Pair[]}
 */
export function run(rates, draws, sigma) {
  /** @type {Pair[]} */
  const path = [START];
  for (const [t, rate] of rates.entries()) {
    const [p, q] = path[t];
    if (isLost([p, q])) {
      path.push(path[t]);
      continue;
    }
    const [dp, dq] = gradient([p, q]);
    path.push([p - rate * (dp + sigma * draws[t][0]), q - rate * (dq + sigma * draws[t][1])]);
  }
  return path;
}

/**
 * All runs of a schedule: { losses, bounds, lost }. `losses` are means before each step and after the
 * last, over the runs that were not lost, or over all if all were; `bounds` is the bound at their
 * mean θ₁².
 * @param {number[]} rates
 * @param {Pair[][]} draws
 * @param {number} sigma
 */
export function train(rates, draws, sigma) {
  const paths = draws.map((each) => run(rates, each, sigma));
  const kept = paths.filter((path) => !isLost(path[path.length - 1]));
  const counted = kept.length > 0 ? kept : paths;
  const mean = (/** @type {(point: Pair) => number} */ of) =>
    Array.from(
      { length: rates.length + 1 },
      (_, t) => counted.reduce((sum, path) => sum + of(path[t]), 0) / counted.length,
    );
  return {
    losses: mean(loss),
    bounds: mean(([p]) => p * p).map(bound),
    lost: paths.length - kept.length,
  };
}

/**
 * The mean of the last tenth of the values: where a noisy curve has settled.
 * @param {number[]} values
 */
export function tail(values) {
  const last = values.slice(-Math.max(1, Math.round(values.length / 10)));
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}
