export { placeNames } from "../kit/labels.js";

// Which networks are beaten by others, and which is the best within limits.

/**
 * @typedef {object} Network
 * @property {string} name
 * @property {number} kind
 * @property {number} parameters
 * @property {number} macs
 * @property {number} top1 in percent
 * @property {number} retrained
 * @property {number} resolution
 */

/**
 * The entries that no other one beats, the cheapest first. One beats another that costs no less and
 * scores no more, unless both are equal.
 * @param {number[]} costs
 * @param {number[]} scores
 */
export function paretoFront(costs, scores) {
  const order = costs.map((_, i) => i).sort((a, b) => costs[a] - costs[b] || scores[b] - scores[a]);
  /** @type {number[]} */
  const front = [];
  for (const i of order) {
    const best = front.at(-1);
    const equal = best !== undefined && costs[i] === costs[best] && scores[i] === scores[best];
    if (best === undefined || scores[i] > scores[best] || equal) front.push(i);
  }
  return front;
}

/**
 * The networks within both limits.
 * @param {Network[]} networks
 * @param {number} mostParameters
 * @param {number} mostMacs
 */
export function within(networks, mostParameters, mostMacs) {
  return networks.flatMap((one, i) =>
    one.parameters <= mostParameters && one.macs <= mostMacs ? [i] : [],
  );
}

/**
 * The most accurate of some; of equals, the one with fewer MACs. −1 of none.
 * @param {Network[]} networks
 * @param {number[]} scores
 * @param {number[]} among
 */
export function best(networks, scores, among) {
  return among.reduce((top, i) => {
    if (top < 0 || scores[i] > scores[top]) return i;
    return scores[i] === scores[top] && networks[i].macs < networks[top].macs ? i : top;
  }, -1);
}

/**
 * Those that are at least as accurate as one and need no more of both, that one left out.
 * @param {Network[]} networks
 * @param {number[]} scores
 * @param {number} one
 */
export function better(networks, scores, one) {
  const { parameters, macs } = networks[one];
  return networks.flatMap((other, i) =>
    i !== one && scores[i] >= scores[one] && other.parameters <= parameters && other.macs <= macs
      ? [i]
      : [],
  );
}

/**
 * √(p(1 − p)/n): the standard error of a share p of n examples.
 * @param {number} share
 * @param {number} n
 */
export function standardError(share, n) {
  return Math.sqrt((share * (1 - share)) / n);
}
