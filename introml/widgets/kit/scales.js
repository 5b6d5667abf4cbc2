// What the positions of a slider stand for. Where a slider runs over magnitudes, equal steps of the
// thumb are equal ratios of the value.

import { clamp } from "../maths/numbers.js";

/**
 * @typedef {object} Scale
 * @property {number} least the first position
 * @property {number} most the last position
 * @property {number | "any"} step from one position to the next
 * @property {(position: number) => number} toValue
 * @property {(value: number) => number} toPosition of the position that is nearest to a value
 */

const POSITIONS = 200;

/**
 * @param {number} low
 * @param {number} high
 * @param {number | "any"} [step]
 * @returns {Scale}
 */
export function linear(low, high, step = "any") {
  const same = (/** @type {number} */ number) => number;
  return { least: low, most: high, step, toValue: same, toPosition: same };
}

/**
 * Equal ratios from `low`, above 0, to `high`.
 * @param {number} low
 * @param {number} high
 * @returns {Scale}
 */
export function ratios(low, high, positions = POSITIONS) {
  const ratio = Math.log(high / low);
  return {
    least: 0,
    most: positions,
    step: 1,
    // Rounding must not leave the range, whose ends may have more digits.
    toValue: (position) =>
      clamp(Number((low * Math.exp((ratio * position) / positions)).toPrecision(3)), low, high),
    toPosition: (value) => Math.round((positions * Math.log(value / low)) / ratio),
  };
}

/**
 * Whole numbers from `low`, at least 1, to `high`: one after the other while equal ratios would repeat
 * them, then equal ratios. No two positions mean the same.
 * @param {number} low
 * @param {number} high
 * @returns {Scale}
 */
export function wholeRatios(low, high, positions = POSITIONS) {
  if (high - low < positions) return linear(low, high, 1);
  const ideal = ratios(low, high, positions);
  const values = [low];
  for (let position = 1; position <= positions; position += 1) {
    values.push(Math.max(values[position - 1] + 1, Math.round(ideal.toValue(position))));
  }
  return rungs(values);
}

/**
 * Zero at the first position, then equal ratios from `low` to `high`: for what may be off.
 * @param {number} low
 * @param {number} high
 * @returns {Scale}
 */
export function zeroThenRatios(low, high) {
  const above = ratios(low, high, POSITIONS / 2 - 1);
  return {
    ...above,
    most: above.most + 1,
    toValue: (position) => (position === 0 ? 0 : above.toValue(position - 1)),
    toPosition: (value) => (value <= 0 ? 0 : 1 + above.toPosition(Math.max(value, low))),
  };
}

/**
 * The place of the entry that is nearest to `value` in ratio; all must be positive.
 * @param {number[]} values
 * @param {number} value
 */
export function nearest(values, value) {
  const off = (/** @type {number} */ entry) => Math.abs(Math.log(entry / value));
  return values.reduce((best, entry, i) => (off(entry) < off(values[best]) ? i : best), 0);
}

/**
 * The values of a list, such as the batch sizes 1, 2, 3, 4, 6, 8, …
 * @param {number[]} values
 * @returns {Scale}
 */
export function rungs(values) {
  return {
    least: 0,
    most: values.length - 1,
    step: 1,
    toValue: (position) => values[position],
    toPosition: (value) => nearest(values, value),
  };
}
