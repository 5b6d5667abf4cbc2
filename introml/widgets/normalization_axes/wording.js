// What the picture of a normalized block says in words.

import { fixed, significant } from "../kit/index.js";

/** @import { Cell, Group, Setting } from "./model.js" */

/** @type {Record<string, string>} */
export const NAMES = {
  batch: "Batch norm",
  layer: "Layer norm",
  instance: "Instance norm",
  group: "Group norm",
  rms: "RMS norm",
};

/**
 * @param {number} count
 * @param {string} noun
 */
const many = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/**
 * Who shares the statistics.
 * @param {Setting} setting
 */
function sharers({ method, groups, positions }) {
  if (method === "batch") return "one channel, in all examples and at all positions";
  if (method === "instance") return "one channel of one example";
  if (method === "group") {
    return `one of ${many(groups, "group")} of channels, in one example`;
  }
  return positions === "alone" ? "one position of one example" : "one example";
}

/**
 * A number of the block as it stands in a sum.
 * @param {number} value
 */
export const plain = (value) => significant(value, 4);

/** @param {number} value */
const bracketed = (value) => (value < 0 ? `(${plain(value)})` : plain(value));

/**
 * Where a cell is, counted from 1.
 * @param {Cell | number[]} cell
 */
export function place([example, channel, position]) {
  return `example ${example + 1}, channel ${channel + 1}, position ${position + 1}`;
}

/**
 * The sentence below the picture.
 * @param {Setting} setting
 * @param {number} count how many groups there are
 * @param {Group} group the picked cell's
 * @param {number[]} own the numbers of that group
 * @param {Cell | number[]} cell
 * @param {number} value
 * @param {number} result
 */
export function describe(setting, count, group, own, cell, value, result) {
  const { mean, variance } = group;
  const who =
    `${NAMES[setting.method]}: the ${own.length} blue numbers share their statistics, those of ` +
    `${sharers(setting)} (${many(count, "group")} in all). `;
  const listed = own.map(bracketed).join(" + ");
  const end = `= ${fixed(result)}.`;
  if (setting.method === "rms") {
    const squares = own.map((each) => `${bracketed(each)}²`).join(" + ");
    return (
      `${who}No mean is subtracted. The mean square is (${squares})/${own.length} = ` +
      `${plain(variance)}, so the ${plain(value)} in ${place(cell)} becomes ` +
      `${plain(value)}/√${plain(variance)} ${end}`
    );
  }
  return (
    `${who}Their mean is (${listed})/${own.length} = ${plain(mean)} and their variance ` +
    `${plain(variance)}, so the ${plain(value)} in ${place(cell)} becomes ` +
    `(${plain(value)} − ${bracketed(mean)})/√${plain(variance)} ${end}`
  );
}
