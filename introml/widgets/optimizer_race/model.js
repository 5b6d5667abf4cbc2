// Runs of several optimizers on one loss, all with the same noise in their gradients.

import { contours } from "../maths/contours.js";
import { generator, normal } from "../maths/random.js";
import { LANDSCAPES, turned } from "./landscapes.js";
import { ADAPTIVE, memory, RUNNERS, step } from "./optimizers.js";

export { ADAPTIVE, contours, LANDSCAPES, RUNNERS, turned };

/** @import { Pair } from "../maths/symmetric.js" */
/** @import { Landscape } from "./landscapes.js" */
/** @import { Runner, Settings } from "./optimizers.js" */

/** A run that gets this far from the origin has diverged, and ends there. */
export const LOST = 1e3;

/** The rates that are tried where each runner gets its best: from 0.001 to 3. */
export const TRIED = Array.from({ length: 31 }, (_, i) =>
  Number((1e-3 * 3000 ** (i / 30)).toPrecision(3)),
);

/**
 * Loss and gradient at a point.
 * @param {string} name
 * @param {number} degrees
 * @param {Pair} point
 */
export function at(name, degrees, [x, y]) {
  const { loss, gradient } = turned(LANDSCAPES[name], degrees);
  return { loss: loss(x, y), gradient: gradient(x, y) };
}

/**
 * What is added to the gradient of each step, the same for all runners: σ times normal numbers.
 * @param {number} seed
 * @param {number} sigma
 * @param {number} steps
 * @returns {Pair[]}
 */
export function noise(seed, sigma, steps) {
  const random = generator(seed);
  return Array.from({ length: steps }, () => [sigma * normal(random), sigma * normal(random)]);
}

/**
 * The points that a runner visits, the start first. A run that diverges ends with the first point
 * beyond LOST.
 * @param {Runner} runner
 * @param {(x: number, y: number) => Pair} gradient
 * @param {Pair} start
 * @param {Settings} settings
 * @param {Pair[]} draws one for each step
 */
export function path(runner, gradient, start, settings, draws) {
  /** @type {Pair[]} */
  const points = [[start[0], start[1]]];
  const kept = memory();
  for (const [dx, dy] of draws) {
    const point = points[points.length - 1];
    const [gx, gy] = gradient(point[0], point[1]);
    const next = step(runner, kept, point, [gx + dx, gy + dy], settings);
    points.push(next);
    if (!(Math.hypot(next[0], next[1]) <= LOST)) break;
  }
  return points;
}

/**
 * As `path`, on a landscape by its name.
 * @param {Runner} runner
 * @param {string} name
 * @param {number} degrees
 * @param {Pair} start
 * @param {Settings} settings
 * @param {Pair[]} draws
 */
export function run(runner, name, degrees, start, settings, draws) {
  return path(runner, turned(LANDSCAPES[name], degrees).gradient, start, settings, draws);
}

/**
 * The path of a runner through gradients that are given one by one.
 * @param {Runner} runner
 * @param {Pair} start
 * @param {Pair[]} gradients
 * @param {Settings} settings
 */
export function follow(runner, start, gradients, settings) {
  const points = [start];
  const kept = memory();
  for (const gradient of gradients) {
    points.push(step(runner, kept, points[points.length - 1], gradient, settings));
  }
  return points;
}

/**
 * The mean loss over the last tenth of the steps; Infinity for a run that diverged.
 * @param {Landscape} landscape
 * @param {Pair[]} points
 * @param {number} steps
 */
export function score({ loss }, points, steps) {
  if (points.length <= steps) return Number.POSITIVE_INFINITY;
  const last = points.slice(-Math.max(1, Math.round(steps / 10)));
  const mean = last.reduce((sum, [x, y]) => sum + loss(x, y), 0) / last.length;
  return Number.isFinite(mean) ? mean : Number.POSITIVE_INFINITY;
}

/**
 * The best of the rates TRIED for a runner, by `score`.
 * @param {Runner} runner
 * @param {string} name
 * @param {number} degrees
 * @param {Pair} start
 * @param {{ rho: number, decay: number }} settings
 * @param {Pair[]} draws
 */
export function bestRate(runner, name, degrees, start, settings, draws) {
  const landscape = turned(LANDSCAPES[name], degrees);
  let best = { rate: TRIED[0], score: Number.POSITIVE_INFINITY };
  for (const rate of TRIED) {
    const points = path(runner, landscape.gradient, start, { ...settings, rate }, draws);
    const found = score(landscape, points, draws.length);
    if (found < best.score) best = { rate, score: found };
  }
  return best;
}
