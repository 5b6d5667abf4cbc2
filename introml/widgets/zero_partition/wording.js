// The sentence below the picture, and large numbers as one says them.

import { significant, thousands } from "../kit/index.js";

/**
 * Three digits in the largest unit that is not larger than the value.
 * @param {number} value
 * @param {[number, string][]} units from small to large
 */
function inUnits(value, units) {
  const [unit, name] = units.filter(([each]) => value >= 0.9995 * each).at(-1) ?? units[0];
  const many = value / unit;
  return `${many >= 999.5 ? thousands(many) : significant(many, 3)}${name}`;
}

/**
 * 80e9 -> "80 GB".
 * @param {number} bytes
 */
export function size(bytes) {
  return inUnits(bytes, [
    [1, " B"],
    [1e3, " kB"],
    [1e6, " MB"],
    [1e9, " GB"],
    [1e12, " TB"],
  ]);
}

/**
 * 7e9 -> "7 billion".
 * @param {number} count
 */
export function amount(count) {
  return inUnits(count, [
    [1, ""],
    [1e6, " million"],
    [1e9, " billion"],
    [1e12, " trillion"],
  ]);
}

const DIVIDED = [
  "Every rank holds all of it",
  "The optimizer states are divided",
  "States and gradients are divided",
  "All three are divided",
];

/**
 * @param {object} shown
 * @param {number} shown.stage
 * @param {number} shown.ranks
 * @param {{ parameters: number, gradients: number, states: number, total: number }} shown.held
 * @param {number} shown.sent
 * @param {number} shown.memory
 * @param {string} shown.gpu
 * @param {number | null} shown.needed
 */
export function describe({ stage, ranks, held, sent, memory, gpu, needed }) {
  const each = ranks === 1 ? "The one rank" : `Each of ${ranks} ranks`;
  const parts =
    `${size(held.parameters)} of parameters, ${size(held.gradients)} of gradients and ` +
    `${size(held.states)} of optimizer states`;
  const fits = held.total <= memory;
  const more = fits
    ? ""
    : needed === null
      ? ", and more ranks wouldn't help in this stage"
      : `; ${thousands(needed)} ranks would do`;
  return (
    `${DIVIDED[stage]}. ${each} holds ${size(held.total)}: ${parts}. That ` +
    `${fits ? "fits" : "doesn't fit"} into the ${size(memory)} of the ${gpu}${more}. ` +
    `In a step ${ranks === 1 ? "it sends nothing" : `each sends ${size(sent)}`}.`
  );
}

/**
 * @param {number} ranks
 * @param {number} total
 */
export function describeWhole(ranks, total) {
  const each = ranks === 1 ? "The one rank" : `Each of ${ranks} ranks`;
  return `${each} holds ${size(total)}, the same on all. Its parts appear when you move something.`;
}
