// The sentences of the schedule composer: what a schedule is, and what became of its runs.

import { significant } from "../kit/index.js";

/** @import { Schedule } from "./schedules.js" */

/**
 * Whether the rate keeps its peak: no decay, or one whose settings take nothing off.
 * @param {Schedule} schedule
 */
function staysLevel({ decay, end, factor }) {
  if (decay === "constant") return true;
  return (decay === "linear" || decay === "cosine" ? end : factor) === 1;
}

/** @param {number} n */
const counted = (n) => `${n} ${n === 1 ? "step" : "steps"}`;

/**
 * A schedule as what its rate does: "rises to 1.2 in 20 steps, then falls along half a cosine to 0".
 * @param {Schedule} schedule
 */
export function inWords(schedule) {
  const { peak, warmUp, decay, end, factor, every, steps } = schedule;
  const level = staysLevel(schedule);
  const high = significant(peak, 3);
  const low = significant(peak * end);
  /** @type {Record<string, string>} */
  const falls = {
    linear: `falls on a straight line to ${low}`,
    cosine: `falls along half a cosine to ${low}`,
    step: `is multiplied by ${significant(factor)} after every ${counted(every)}`,
    exponential: `falls smoothly, by the factor ${significant(factor)} over every ${counted(every)}`,
  };
  const after = level ? "stays there" : falls[decay];
  if (warmUp >= steps) return `is still rising towards ${high} when the ${counted(steps)} end`;
  if (warmUp > 0) return `rises to ${high} in ${counted(warmUp)}, then ${after}`;
  return level ? `is ${high} throughout` : `starts at ${high} and ${after}`;
}

/**
 * Where the runs of a schedule end.
 * @param {{ lost: number, end: number }} trained
 * @param {number} runs
 */
export function outcome({ lost, end }, runs) {
  if (lost === runs) return `all ${runs} runs diverge`;
  const level = `the mean loss ends at ${significant(end)}`;
  return lost === 0 ? level : `${lost} of ${runs} runs diverge, and in the rest ${level}`;
}

/**
 * Why runs diverged: where the rate first passed the bound.
 * @param {{ rates: number[], bounds: number[] }} trained
 */
export function reason({ rates, bounds }) {
  const step = rates.findIndex((rate, t) => rate > bounds[t]);
  if (step < 0) return "";
  return (
    ` At step ${step} the rate, ${significant(rates[step])}, is over the bound there, ` +
    `${significant(bounds[step])}.`
  );
}
