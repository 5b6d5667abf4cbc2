// What the picture shows, in words.

import { fixed, significant } from "../kit/index.js";
import * as model from "./model.js";

/** @typedef {import("./model.js").Readings} Readings */

/**
 * 9.5 -> "9:30".
 * @param {number} hours
 */
export function clock(hours) {
  const minutes = Math.round(60 * hours);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

export const degrees = (/** @type {number} */ value) => `${fixed(value, 1)} °C`;

/**
 * The prediction and who has a say in it.
 * @param {{ query: number, bandwidth: number, readings: Readings, weights: number[] | null,
 *   prediction: number | null }} shown
 */
export function describe({ query, bandwidth, readings, weights, prediction }) {
  const { x } = readings;
  const count = x.length;
  if (!weights || prediction === null) {
    return (
      `No reading lies within ${significant(bandwidth)} h of ${clock(query)}. All shares would be ` +
      "0/0, so there is no prediction: this kernel ends, and it needs a larger bandwidth."
    );
  }
  const largest = Math.max(...weights);
  const at = clock(x[weights.indexOf(largest)]);
  const said = `For ${clock(query)} the prediction is ${degrees(prediction)}.`;
  if (largest > 0.995) {
    return `${said} It is the reading of ${at} alone, the nearest one: its weight is 1.0.`;
  }
  if (largest * count < 1.05) {
    return (
      `${said} It is the mean of all ${count} readings, whatever the hour: each has weight ` +
      `1/${count} = ${fixed(1 / count, 3)}.`
    );
  }
  const many = model.heaviest(weights);
  return (
    `${said} The largest weight, ${fixed(largest)}, is on the reading of ${at}; ` +
    `${many} of ${count} readings hold nine tenths of all weight.`
  );
}

/**
 * How far the curve is from the truth.
 * @param {{ kernel: import("./model.js").Kernel, readings: Readings, bandwidth: number,
 *   best: number }} shown
 */
export function judge({ kernel, readings, bandwidth, best }) {
  const miss = model.missed(kernel, readings, bandwidth);
  const least = model.missed(kernel, readings, best);
  const own = Number.isFinite(miss)
    ? `Over the day the predictions miss the true temperature by ${degrees(miss)} (root mean square).`
    : "Some hours of the day have no prediction at all.";
  const side = bandwidth < best ? "narrow" : "wide";
  const verdict =
    miss <= 1.05 * least
      ? "No bandwidth does clearly better."
      : `This bandwidth is too ${side}: ${significant(best)} h would miss by ${degrees(least)}.`;
  return `${own} ${verdict}`;
}
