// The read-out's sentences.

import { fixed, significant } from "../kit/index.js";

/** @import { Cell, Step } from "./model.js" */
/**
 * @typedef {object} Setting
 * @property {string[]} symbols
 * @property {Step[]} steps
 * @property {Cell} cell
 * @property {number} radius
 * @property {number} keep
 * @property {number} window
 * @property {number} clip
 * @property {number} seed
 */

const NAMES = { rnn: "RNN", linear: "RNN without tanh", lstm: "LSTM", gru: "GRU" };

/** @param {string[]} symbols */
const quoted = (symbols) => `“${symbols.join("")}”`;

/**
 * How far two states lie apart.
 * @param {number[]} a
 * @param {number[]} b
 */
const apart = (a, b) => Math.hypot(...a.map((value, j) => value - b[j]));

/**
 * What was read, the state, and whether the same character met another state before.
 * @param {Setting} setting
 */
export function describe({ symbols, steps, seed }) {
  const count = steps.length;
  if (count === 0) return `Layer ${seed} has read nothing yet: its state is 16 zeros.`;
  const { h } = steps[count - 1];
  const now = symbols[count - 1];
  const earlier = symbols.slice(0, count - 1).lastIndexOf(now);
  const again =
    earlier < 0
      ? ""
      : ` “${now}” was read at step ${earlier + 1} as well, and the two states lie ` +
        `${fixed(apart(h, steps[earlier].h))} apart, because the states before them differ.`;
  const first = h.slice(0, 3).map((value) => fixed(value));
  return (
    `After ${quoted(symbols.slice(0, count))} the state begins with ${first.join(", ")}; its norm is ` +
    `${fixed(Math.hypot(...h))}.${again}`
  );
}

/**
 * How much of the gradient reaches the first character, and what cutting and clipping do.
 * @param {Setting & { norms: number[], total: number, factor: number }} setting
 */
export function describeGradient(setting) {
  const { symbols, steps, cell, radius, keep, window, clip, seed } = setting;
  const { norms, total, factor } = setting;
  const count = steps.length;
  const limit = clip > 0 ? ` Its limit is ${fixed(clip, 1)}.` : "";
  const knob =
    cell === "rnn" || cell === "linear"
      ? `spectral radius ${fixed(radius)}`
      : `a bias of ${fixed(keep)} at the gate that keeps`;
  if (count === 0) return `Layer ${seed} has read nothing yet. ${NAMES[cell]}, ${knob}.${limit}`;
  const last = count - 1;
  const ratio = norms[0] / norms[last];
  const reaches =
    count === 1
      ? "One character is read"
      : norms[0] === 0
        ? `Nothing reaches “${symbols[0]}”, ${last} steps back, because the walk is cut`
        : `“${symbols[0]}”, ${last} ${last === 1 ? "step" : "steps"} back, gets ` +
          `${significant(ratio)} of the gradient that the last character gets`;
  const cut =
    window > 0 ? ` The walk is cut every ${window} ${window === 1 ? "step" : "steps"}.` : "";
  const clipped =
    factor < 1
      ? `; clipped to ${fixed(clip, 1)}, all is multiplied by ${significant(factor)}.`
      : `.${limit}`;
  return (
    `${NAMES[cell]}, ${knob}: ${reaches}.${cut} The gradient of all weights has norm ` +
    `${significant(total)}${clipped}`
  );
}
