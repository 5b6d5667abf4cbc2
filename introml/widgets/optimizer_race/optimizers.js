// Seven optimizers for a point in the plane, with the settings of torch.optim: what each remembers,
// and what it makes of a gradient.

/** @import { Pair } from "../maths/symmetric.js" */
/** @typedef {(typeof RUNNERS)[number]} Runner */
/**
 * @typedef {object} Settings
 * @property {number} rate η
 * @property {number} rho of momentum and Nesterov
 * @property {number} decay of AdamW
 */
/** @typedef {{ t: number, v: Pair, s: Pair }} Memory the steps taken, and a sum or mean of g and g² */

export const RUNNERS = /** @type {const} */ ([
  "sgd",
  "momentum",
  "nesterov",
  "adagrad",
  "rmsprop",
  "adam",
  "adamw",
]);

/** Those that divide by the size of past gradients. */
export const ADAPTIVE = ["adagrad", "rmsprop", "adam", "adamw"];

const ALPHA = 0.99; // of RMSProp
const [BETA1, BETA2] = [0.9, 0.999]; // of Adam and AdamW
const [EPS, EPS_ADAGRAD] = [1e-8, 1e-10];

/** @returns {Memory} */
export function memory() {
  return { t: 0, v: [0, 0], s: [0, 0] };
}

/**
 * One step from a point: the next one. The memory is brought up to date in place.
 * @param {Runner} runner
 * @param {Memory} kept
 * @param {Pair} point
 * @param {Pair} gradient
 * @param {Settings} settings
 * @returns {Pair}
 */
export function step(runner, kept, point, gradient, { rate, rho, decay }) {
  const { v, s } = kept;
  kept.t += 1;
  const first = 1 - BETA1 ** kept.t;
  const second = 1 - BETA2 ** kept.t;
  /** @type {Pair} */
  const next = [point[0], point[1]];
  for (let i = 0; i < 2; i += 1) {
    const g = gradient[i];
    switch (runner) {
      case "sgd":
        next[i] -= rate * g;
        break;
      case "momentum":
        v[i] = rho * v[i] + g;
        next[i] -= rate * v[i];
        break;
      case "nesterov":
        v[i] = rho * v[i] + g;
        next[i] -= rate * (g + rho * v[i]);
        break;
      case "adagrad":
        s[i] += g * g;
        next[i] -= (rate * g) / (Math.sqrt(s[i]) + EPS_ADAGRAD);
        break;
      case "rmsprop":
        s[i] = ALPHA * s[i] + (1 - ALPHA) * g * g;
        next[i] -= (rate * g) / (Math.sqrt(s[i]) + EPS);
        break;
      default:
        v[i] = BETA1 * v[i] + (1 - BETA1) * g;
        s[i] = BETA2 * s[i] + (1 - BETA2) * g * g;
        if (runner === "adamw") next[i] -= rate * decay * point[i];
        next[i] -= (rate * (v[i] / first)) / (Math.sqrt(s[i] / second) + EPS);
    }
  }
  return next;
}
