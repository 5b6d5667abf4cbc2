// What the race calls its runners and landscapes, and its sentences.

import { significant } from "../kit/index.js";

/** @import { Runner } from "./optimizers.js" */
/** @typedef {{ runner: Runner, rate: number, loss: number, ended: number }} Result */

/** @type {Record<Runner, string>} */
export const NAMES = {
  sgd: "SGD",
  momentum: "momentum",
  nesterov: "Nesterov",
  adagrad: "AdaGrad",
  rmsprop: "RMSProp",
  adam: "Adam",
  adamw: "AdamW",
};

/** Colour and stroke; the two that vary another one share its colour. */
/** @type {Record<Runner, [string, string]>} */
export const LOOKS = {
  sgd: ["slate", "line"],
  momentum: ["purple", "line"],
  nesterov: ["purple", "dash"],
  adagrad: ["rose", "line"],
  rmsprop: ["orange", "line"],
  adam: ["blue", "line"],
  adamw: ["blue", "dash"],
};

export const LANDSCAPE_NAMES = {
  valley: "narrow valley",
  rosenbrock: "bent valley (Rosenbrock)",
  saddle: "saddle",
  minima: "four minima, one deepest",
};

/** @param {string[]} parts */
const joined = (parts) =>
  parts.length < 2
    ? parts.join("")
    : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;

/**
 * Who is where after so many steps, lowest loss first.
 * @param {Result[]} results
 * @param {number} step
 * @param {boolean} tuned
 */
export function standing(results, step, tuned) {
  if (results.length === 0) return "Nobody runs: tick a runner.";
  const rates = results.map(({ runner, rate }) => `${NAMES[runner]} ${significant(rate)}`);
  const own = tuned ? ` Learning rates: ${rates.join(", ")}.` : "";
  if (step === 0) {
    return `All stand at the start, where the loss is ${significant(results[0].loss)}.${own}`;
  }
  const running = results.filter(({ loss }) => Number.isFinite(loss));
  const gone = results.filter(({ loss }) => !Number.isFinite(loss));
  const order = running.sort((a, b) => a.loss - b.loss);
  const places = order.map(({ runner, loss }) => `${significant(loss)} for ${NAMES[runner]}`);
  const lost = gone.map(({ runner, ended }) => `${NAMES[runner]} diverged (step ${ended})`);
  const after = `After ${step} ${step === 1 ? "step" : "steps"}`;
  const stand = places.length > 0 ? `the loss is ${joined(places)}` : "";
  return `${after} ${[stand, ...lost].filter(Boolean).join("; ")}.${own}`;
}

/**
 * Who is first on each landscape.
 * @param {[string, Runner][]} first
 * @param {number} steps
 */
export function winners(first, steps) {
  const names = /** @type {Record<string, string>} */ ({
    valley: "in the narrow valley",
    rosenbrock: "in the bent one",
    saddle: "on the saddle",
    minima: "among four minima",
  });
  const parts = first.map(([landscape, runner]) => `${NAMES[runner]} ${names[landscape]}`);
  return `After ${steps} steps from the usual starts the lowest are ${joined(parts)}. Other starts, other winners.`;
}
