// Normalization: each number, less the mean of its group, over the root of its group's variance. The
// kinds differ in the groups alone. A block is a flat list, examples × channels × positions.

import { mean, sum } from "../maths/numbers.js";

/** @typedef {[examples: number, channels: number, positions: number]} Shape */
/** @typedef {[example: number, channel: number, position: number]} Cell */
/** @typedef {"batch" | "layer" | "instance" | "group" | "rms"} Method */
/**
 * @typedef {object} Setting
 * @property {Method} method
 * @property {number} groups of channels, in group norm
 * @property {"together" | "alone"} positions how layer and RMS norm treat the places of an example
 */
/**
 * @typedef {object} Group
 * @property {number[]} members the places of its cells in the list
 * @property {number} mean subtracted from each: 0 in RMS norm
 * @property {number} variance the mean of the squares of what is left
 */

export const EPSILON = 1e-5;

/**
 * @param {Shape} shape
 * @param {Cell | number[]} cell
 */
export function flat([, channels, positions], [example, channel, position]) {
  return (example * channels + channel) * positions + position;
}

/**
 * @param {Shape} shape
 * @param {number} place
 * @returns {Cell}
 */
export function cellAt([, channels, positions], place) {
  const row = Math.floor(place / positions);
  return [Math.floor(row / channels), row % channels, place % positions];
}

/**
 * The number of the group that a cell is in.
 * @param {Setting} setting
 * @param {Shape} shape
 * @param {Cell | number[]} cell
 */
export function groupOf(setting, [, channels, positions], [example, channel, position]) {
  switch (setting.method) {
    case "batch":
      return channel;
    case "instance":
      return example * channels + channel;
    case "group": {
      const size = channels / setting.groups;
      if (!Number.isInteger(size)) {
        throw new Error(`${channels} channels cannot be cut into ${setting.groups} equal groups`);
      }
      return example * setting.groups + Math.floor(channel / size);
    }
    default:
      return setting.positions === "alone" ? example * positions + position : example;
  }
}

/**
 * The groups of a block, with the mean and the variance of each.
 * @param {Setting} setting
 * @param {Shape} shape
 * @param {number[]} values
 * @returns {Group[]}
 */
export function groupsOf(setting, shape, values) {
  /** @type {number[][]} */
  const members = [];
  for (const place of values.keys()) {
    const group = groupOf(setting, shape, cellAt(shape, place));
    members[group] ??= [];
    members[group].push(place);
  }
  return members.map((places) => {
    const own = places.map((place) => values[place]);
    const middle = setting.method === "rms" ? 0 : mean(own);
    const squares = own.map((value) => (value - middle) ** 2);
    return { members: places, mean: middle, variance: sum(squares) / own.length };
  });
}

/**
 * The block after normalization, with γ = 1 and β = 0.
 * @param {Setting} setting
 * @param {Shape} shape
 * @param {number[]} values
 */
export function normalized(setting, shape, values) {
  const results = values.slice();
  for (const { members, mean: middle, variance } of groupsOf(setting, shape, values)) {
    const spread = Math.sqrt(variance + EPSILON);
    for (const place of members) results[place] = (values[place] - middle) / spread;
  }
  return results;
}
