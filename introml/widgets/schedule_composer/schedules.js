// Learning-rate schedules. Each is a factor on the peak rate, as a function of the step t = 0, 1, …

export const DECAYS = ["constant", "linear", "cosine", "step", "exponential"];

/**
 * @typedef {object} Schedule
 * @property {number} peak
 * @property {number} warmUp steps
 * @property {string} decay one of DECAYS
 * @property {number} end
 * @property {number} factor
 * @property {number} every steps
 * @property {number} steps
 */

/**
 * (t + 1)/(W + 1) while t < W, then 1: no step is wasted on a rate of zero, and step W has the peak.
 * @param {number} step
 * @param {number} length
 */
export function warmUp(step, length) {
  return step < length ? (step + 1) / (length + 1) : 1;
}

/**
 * From 1 to `end` on a straight line of `total` steps, then `end`.
 * @param {number} step
 * @param {number} total
 * @param {number} end
 */
export function linear(step, total, end) {
  return 1 + (end - 1) * Math.min(step / total, 1);
}

/**
 * From 1 to `end` along half a cosine of `total` steps, then `end`.
 * @param {number} step
 * @param {number} total
 * @param {number} end
 */
export function cosine(step, total, end) {
  return end + ((1 - end) * (1 + Math.cos(Math.PI * Math.min(step / total, 1)))) / 2;
}

/**
 * Times `factor` at once after each `every` steps.
 * @param {number} step
 * @param {number} every
 * @param {number} factor
 */
export function stepwise(step, every, factor) {
  return factor ** Math.floor(step / every);
}

/**
 * Times `factor` over each `every` steps, the same ratio at every step.
 * @param {number} step
 * @param {number} every
 * @param {number} factor
 */
export function exponential(step, every, factor) {
  return factor ** (step / every);
}

/**
 * The rate of every step of { peak, warmUp, decay, end, factor, every, steps }.
 * @param {Schedule} schedule
 */
export function rates(schedule) {
  const { peak, decay, end, factor, every, steps } = schedule;
  const left = Math.max(1, steps - schedule.warmUp);
  /** @type {Record<string, (step: number) => number>} */
  const decays = {
    constant: () => 1,
    linear: (step) => linear(step, left, end),
    cosine: (step) => cosine(step, left, end),
    step: (step) => stepwise(step, every, factor),
    exponential: (step) => exponential(step, every, factor),
  };
  if (!decays[decay]) throw new Error(`the decay is "${decay}"; it must be one of ${DECAYS}`);
  return Array.from({ length: steps }, (_, t) =>
    t < schedule.warmUp
      ? peak * warmUp(t, schedule.warmUp)
      : peak * decays[decay](t - schedule.warmUp),
  );
}

/**
 * { peak, warmUp, … } of the six numbers that the trait `kept` holds, and back.
 * @param {number[]} numbers
 * @param {number} steps
 * @returns {Schedule}
 */
export function unpack([peak, length, decay, end, factor, every], steps) {
  return { peak, warmUp: length, decay: DECAYS[decay], end, factor, every, steps };
}

/** @param {Schedule} schedule */
export function pack({ peak, warmUp: length, decay, end, factor, every }) {
  return [peak, length, DECAYS.indexOf(decay), end, factor, every];
}
