// The picture in words: the noise at the point reached, the run so far, and the cost of a step.

import { significant, thousands } from "../kit/index.js";

/**
 * `length` is that of the full gradient; `measured` and `exact` are the spread around it.
 * @param {Record<"n" | "size" | "draws" | "measured" | "exact" | "length", number>} noise
 */
export function describeNoise({ n, size, draws, measured, exact, length }) {
  if (size === n) {
    const all = `A batch of all ${n} examples has the full gradient itself`;
    return `${all}, ${significant(length)} long here: no noise.`;
  }
  return (
    `The gradients of ${draws} batches of ${size} lie ${significant(measured)} from the full one ` +
    `(root mean square; by the formula ${significant(exact)}), which is ${significant(length)} ` +
    `long here: more ${exact > length ? "noise than gradient" : "gradient than noise"}.`
  );
}

/** @param {Record<"seen" | "end" | "updates" | "perEpoch" | "excess" | "lowest", number> & { diverged: boolean }} run */
export function describeRun({ seen, end, updates, perEpoch, excess, lowest, diverged }) {
  return (
    `After ${thousands(seen)} of ${thousands(end)} examples and ${thousands(updates)} ` +
    `${updates === 1 ? "step" : "steps"} (${thousands(perEpoch)} an epoch), the loss is ` +
    `${significant(excess)} above its minimum, ${significant(lowest)}` +
    `${diverged ? ": it diverges" : ""}.`
  );
}

/**
 * `each` is seconds an example, `kept` bytes a batch, both of the recorded network.
 * @param {{ each: number, kept: number }} cost
 */
export function describeCost({ each, kept }) {
  const size = kept < 1e6 ? `${significant(kept / 1e3)} kB` : `${significant(kept / 1e6)} MB`;
  return (
    `The recorded network takes ${significant(1e6 * each)} µs an example at this size and keeps ` +
    `${size} for the backward pass.`
  );
}
