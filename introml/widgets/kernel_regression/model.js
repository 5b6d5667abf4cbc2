// Kernel regression as attention: hours are the keys, temperatures the values, the hour asked for is
// the query. The weight of a key is K(|query − key| / bandwidth) over the sum of that for all keys.

import { generator, normal } from "../maths/random.js";

/** @typedef {"gaussian" | "box" | "epanechnikov"} Kernel */
/** @typedef {{ x: number[], y: number[] }} Readings */

export const DAY = 24;
const STEPS = 96; // quarters of an hour
const BANDWIDTHS = Array.from({ length: 61 }, (_, i) => 0.1 * 10 ** (i / 20)); // 0.1 to 100 hours

/**
 * The true temperature at an hour: 14 − 5cos(2π(t − 4)/24) + 2sin(2πt/8).
 * @param {number} t
 */
export function truth(t) {
  return 14 - 5 * Math.cos((2 * Math.PI * (t - 4)) / 24) + 2 * Math.sin((2 * Math.PI * t) / 8);
}

/**
 * `count` readings at random hours in [0, 24), each off by noise · N(0, 1). More readings, or more
 * noise, keep the first ones' draws.
 * @param {number} count
 * @param {number} noise
 * @param {number} seed
 * @returns {Readings}
 */
export function readings(count, noise, seed) {
  const [place, deviation] = [0, 1].map((stream) => generator(2 * seed + stream));
  const x = Array.from({ length: count }, () => DAY * place());
  return { x, y: x.map((t) => truth(t) + noise * normal(deviation)) };
}

/**
 * −(query − key)²/(2 · bandwidth²) of each key: what the Gaussian kernel's softmax is taken of.
 * @param {number} query
 * @param {number[]} keys
 * @param {number} bandwidth
 */
export function scores(query, keys, bandwidth) {
  return keys.map((key) => -(((query - key) / bandwidth) ** 2) / 2);
}

/**
 * K by the query of each place, up to one factor: the largest of a Gaussian's at the keys is made 1,
 * so that none underflows.
 * @param {Kernel} kernel
 * @param {number} query
 * @param {number[]} keys
 * @param {number} bandwidth
 * @returns {(place: number) => number}
 */
function shape(kernel, query, keys, bandwidth) {
  const squared = (/** @type {number} */ place) => ((query - place) / bandwidth) ** 2;
  if (kernel === "box") return (place) => (squared(place) <= 1 ? 1 : 0);
  if (kernel === "epanechnikov") return (place) => Math.max(0, 1 - squared(place));
  const least = Math.min(...keys.map(squared));
  return (place) => Math.exp((least - squared(place)) / 2);
}

/**
 * The share that a key would have at each of `places`, were it one of the keys; at the keys
 * themselves these are the weights. Null where no key lies within the kernel's reach.
 * @param {Kernel} kernel
 * @param {number} query
 * @param {number[]} keys
 * @param {number} bandwidth
 * @param {number[]} places
 * @returns {number[] | null}
 */
export function shares(kernel, query, keys, bandwidth, places) {
  const part = shape(kernel, query, keys, bandwidth);
  let total = 0;
  for (const key of keys) total += part(key);
  return total > 0 ? places.map((place) => part(place) / total) : null;
}

/**
 * The weight of every key; they sum to 1. Null where no key lies within the kernel's reach.
 * @param {Kernel} kernel
 * @param {number} query
 * @param {number[]} keys
 * @param {number} bandwidth
 */
export function weights(kernel, query, keys, bandwidth) {
  return shares(kernel, query, keys, bandwidth, keys);
}

/**
 * The weighted mean of the values; null where no key lies within the kernel's reach.
 * @param {Kernel} kernel
 * @param {number} query
 * @param {Readings} readings
 * @param {number} bandwidth
 */
export function predicted(kernel, query, { x, y }, bandwidth) {
  const found = weights(kernel, query, x, bandwidth);
  return found?.reduce((sum, weight, i) => sum + weight * y[i], 0) ?? null;
}

/**
 * How many of the largest weights it takes to hold `share` of their sum.
 * @param {number[]} values
 */
export function heaviest(values, share = 0.9) {
  const sorted = [...values].sort((a, b) => b - a);
  let [held, count] = [0, 0];
  // Weights sum to 1 but for rounding, which must not ask for one more.
  while (held < share - 1e-12 && count < sorted.length) {
    held += sorted[count];
    count += 1;
  }
  return count;
}

/**
 * By how much the predictions miss the true temperature, root mean square over the quarters of the
 * day's hours. Infinite if one of them has no prediction.
 * @param {Kernel} kernel
 * @param {Readings} readings
 * @param {number} bandwidth
 */
export function missed(kernel, readings, bandwidth) {
  let total = 0;
  for (let i = 0; i <= STEPS; i += 1) {
    const t = (DAY * i) / STEPS;
    const found = predicted(kernel, t, readings, bandwidth);
    if (found === null) return Number.POSITIVE_INFINITY;
    total += (found - truth(t)) ** 2;
  }
  return Math.sqrt(total / (STEPS + 1));
}

/**
 * Of 61 bandwidths from 0.1 to 100 hours, the one that misses the true temperature least.
 * @param {Kernel} kernel
 * @param {Readings} readings
 */
export function bestBandwidth(kernel, readings) {
  const misses = BANDWIDTHS.map((bandwidth) => missed(kernel, readings, bandwidth));
  return BANDWIDTHS[misses.indexOf(Math.min(...misses))];
}
