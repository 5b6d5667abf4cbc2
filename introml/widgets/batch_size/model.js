// Minibatch gradients of a line's squared loss, where all that a batch size does is known exactly.
// The loss of a batch is a mean, L_B(w, b) = (1/s) Σ ½(w·xᵢ + b − yᵢ)² over its s examples.

import { lossGradient, lossHessian, minimum, squaredLoss } from "../maths/line.js";
import { generator, normals, sample, sampler, uniforms } from "../maths/random.js";
import { eigen, ellipse, inverse, scaledBy } from "../maths/symmetric.js";

export { eigen, ellipse, inverse, minimum, normals, scaledBy, uniforms };

/** @import { Pair } from "../maths/symmetric.js" */
/** @import { Symmetric } from "../maths/symmetric.js" */

/** The batch size whose learning rate stays as set when the others are scaled with the batch. */
export const BASE = 32;

/**
 * 1, 2, 3, 4, 6, 8, 12, …, up to and with `last`: each at most 1.5 times (at the start, 2) the one before.
 * @param {number} last
 */
export function doublings(last) {
  const found = [];
  for (let power = 1; power < last; power *= 2) {
    found.push(power);
    if (power > 1 && 1.5 * power < last) found.push(1.5 * power);
  }
  return [...found, last];
}

/** Each seed has a stream for the shuffles and one for the draws of each batch size. */
const STREAMS = 4096;

/**
 * The mean loss over all examples.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} point
 */
export function loss(x, y, point) {
  return squaredLoss(x, y, point) / x.length;
}

/**
 * The curvature of the mean loss, the same everywhere.
 * @param {number[]} x
 */
export function curvature(x) {
  return scaledBy(lossHessian(x), 1 / x.length);
}

/**
 * The mean gradient (∂w, ∂b) over the examples of a batch, or over all.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} point
 * @param {number[] | null} [batch]
 * @returns {Pair}
 */
export function gradient(x, y, point, batch = null) {
  const [w, b] = lossGradient(x, y, point, batch);
  const size = batch ? batch.length : x.length;
  return [w / size, b / size];
}

/**
 * Covariance matrix of the single examples' gradients around the full one, over all n of them.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} point [w, b]
 * @returns {Symmetric}
 */
export function covariance(x, y, [w, b]) {
  const n = x.length;
  const full = gradient(x, y, [w, b]);
  let [ww, wb, bb] = [0, 0, 0];
  for (let i = 0; i < n; i += 1) {
    const error = w * x[i] + b - y[i];
    const [dw, db] = [error * x[i] - full[0], error - full[1]];
    ww += dw * dw;
    wb += dw * db;
    bb += db * db;
  }
  return [
    [ww / n, wb / n],
    [wb / n, bb / n],
  ];
}

/**
 * What a batch of s leaves of the variance, drawn without replacement: (1/s)·(n − s)/(n − 1).
 * @param {number} n
 * @param {number} s
 */
export function remaining(n, s) {
  return (n - s) / (s * (n - 1));
}

/**
 * Root mean square distance of a batch's gradient from the full one: exact, over all batches.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} point
 * @param {number} s
 */
export function spread(x, y, point, s) {
  const [[ww], [, bb]] = covariance(x, y, point);
  return Math.sqrt((ww + bb) * remaining(x.length, s));
}

/**
 * `draws` batches of s of n examples, each drawn anew without replacement.
 * @param {number} n
 * @param {number} s
 * @param {number} draws
 * @param {number} seed
 */
export function batches(n, s, draws, seed) {
  const random = generator(STREAMS * seed + s);
  const draw = sampler(n);
  return Array.from({ length: draws }, () => draw(random, s));
}

/**
 * Root mean square distance of the given gradients from the full one.
 * @param {Pair[]} gradients
 * @param {Pair} full
 */
export function measuredSpread(gradients, full) {
  const sum = gradients.reduce((t, g) => t + (g[0] - full[0]) ** 2 + (g[1] - full[1]) ** 2, 0);
  return Math.sqrt(sum / gradients.length);
}

/**
 * Updates in an epoch: ⌈n/s⌉, the last with fewer examples when s does not divide n.
 * @param {number} n
 * @param {number} s
 */
export function updatesPerEpoch(n, s) {
  return Math.ceil(n / s);
}

/**
 * The rate used for batches of s: as set, or in proportion to s so that it is as set at BASE.
 * @param {number} rate
 * @param {number} s
 * @param {boolean} scaled
 */
export function rateFor(rate, s, scaled) {
  return scaled ? (rate * s) / BASE : rate;
}

/**
 * The orders in which the examples come, one an epoch: the same for all batch sizes.
 * @param {number} n
 * @param {number} epochs
 * @param {number} seed
 */
export function shuffles(n, epochs, seed) {
  const random = generator(STREAMS * seed);
  return Array.from({ length: epochs }, () => sample(random, n));
}

/**
 * SGD from `start`: the points, and for each how many examples had been seen.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} start
 * @param {number} rate
 * @param {number} s
 * @param {number} epochs
 * @param {number} seed
 */
export function sgd(x, y, start, rate, s, epochs, seed) {
  const points = [[...start]];
  const seen = [0];
  for (const order of shuffles(x.length, epochs, seed)) {
    for (let at = 0; at < order.length; at += s) {
      const batch = order.slice(at, at + s);
      const [w, b] = points[points.length - 1];
      const [dw, db] = gradient(x, y, [w, b], batch);
      points.push([w - rate * dw, b - rate * db]);
      seen.push(seen[seen.length - 1] + batch.length);
    }
  }
  return { points, seen };
}

/**
 * The run up to and with the first point farther than `reach` from `centre`; all of it if none is.
 * @param {{ points: number[][], seen: number[] }} run
 * @param {number[]} centre
 * @param {number} reach
 */
export function untilBeyond({ points, seen }, centre, reach) {
  const away = (/** @type {number[]} */ p) =>
    !(Math.hypot(p[0] - centre[0], p[1] - centre[1]) <= reach);
  const last = points.findIndex(away);
  return last < 0
    ? { points, seen }
    : { points: points.slice(0, last + 1), seen: seen.slice(0, last + 1) };
}

/**
 * The last update that `examples` examples allow.
 * @param {number[]} seen
 * @param {number} examples
 */
export function updatesWithin(seen, examples) {
  let last = 0;
  while (last + 1 < seen.length && seen[last + 1] <= examples) last += 1;
  return last;
}

/**
 * A recorded quantity at batch size s, a straight line between its neighbours on log–log axes.
 * @param {number[]} sizes
 * @param {number[]} values
 * @param {number} s
 */
export function interpolate(sizes, values, s) {
  const after = sizes.findIndex((size) => size >= s);
  if (after < 0 || s < sizes[0]) {
    throw new Error(
      `batch size ${s} was not recorded; ${sizes[0]} to ${sizes[sizes.length - 1]} were`,
    );
  }
  if (sizes[after] === s) return values[after];
  const share = Math.log(s / sizes[after - 1]) / Math.log(sizes[after] / sizes[after - 1]);
  return values[after - 1] * (values[after] / values[after - 1]) ** share;
}
