// What the read-out says of a network and of the limits.

import { fixed, significant, thousands } from "../kit/index.js";

/** @import { Network } from "./model.js" */

/** @param {number} parameters */
const millions = (parameters) => `${significant(parameters / 1e6, 3)} million parameters`;

/** @param {number} macs */
function multiplyAdds(macs) {
  return macs < 1e9
    ? `${significant(macs / 1e6, 3)} million MACs`
    : `${significant(macs / 1e9, 3)} billion MACs`;
}

/**
 * @param {Network} one
 * @param {number} score
 * @param {number} error its standard error, in percent
 * @param {boolean} named whether the sentence before named it
 */
export function describeNetwork(one, score, error, named) {
  const flops = significant((2 * one.macs) / 1e9, 2);
  return (
    `${named ? "It" : one.name} has ${millions(one.parameters)}, ${thousands((4 * one.parameters) / 1e6)} MB as fp32, ` +
    `needs ${multiplyAdds(one.macs)} (${flops} GFLOPs) for a picture of ${one.resolution} × ` +
    `${one.resolution} pixels, and is right on ${fixed(score, 1)} ± ${fixed(error, 1)}% of the pictures.`
  );
}

/**
 * @param {Network[]} networks
 * @param {number[]} others which are at least as accurate with no more of both
 */
export function describeBetter(networks, others) {
  if (others.length === 0)
    return "No other network is as accurate with as few parameters and MACs.";
  const names = others.slice(0, 3).map((i) => networks[i].name);
  const more = others.length > 3 ? ` and ${others.length - 3} more` : "";
  const list =
    more || names.length < 2
      ? names.join(", ")
      : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  return `At least as accurate, with no more parameters and MACs: ${list}${more}.`;
}

/**
 * @param {number} count
 * @param {number} all
 * @param {string | null} name of the best
 * @param {number} mostParameters
 * @param {number} mostMacs
 */
export function describeLimits(count, all, name, mostParameters, mostMacs) {
  const limits = `at most ${millions(mostParameters)} and ${multiplyAdds(mostMacs)}`;
  if (count === 0) return `None of the ${all} has ${limits}.`;
  if (count === 1) return `Only ${name} has ${limits}.`;
  const some = count === all ? `All ${all}` : `${count} of the ${all}`;
  return `${some} have ${limits}; the most accurate is ${name}.`;
}
