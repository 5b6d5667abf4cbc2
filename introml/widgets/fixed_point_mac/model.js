// A sum of products of fixed-point numbers, in an accumulator that wraps around.

import { uniforms } from "../maths/random.js";

/** Pairs that are multiplied and summed. */
export const PAIRS = 6;
/** The numbers lie between −4 and 4. */
const REACH = 4;

/**
 * @typedef {object} Row what one product adds
 * @property {number} x
 * @property {number} w
 * @property {number} fixedX the nearest fixed-point number
 * @property {number} fixedW
 * @property {number} total the accumulator after it
 * @property {number} exact the sum of the true products up to here
 */

/**
 * The pairs of a seed.
 * @param {number} seed
 * @returns {[x: number, w: number][]}
 */
export function draw(seed) {
  const values = uniforms(seed, 2 * PAIRS).map((u) => REACH * (2 * u - 1));
  return Array.from({ length: PAIRS }, (_, i) => [values[2 * i], values[2 * i + 1]]);
}

/**
 * The nearest whole number; halfway, the even one.
 * @param {number} value
 */
function roundToEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * The whole number that stands for the nearest fixed-point number, the ends for what is beyond.
 * @param {number} value
 * @param {number} integer
 * @param {number} fraction
 */
export function encode(value, integer, fraction) {
  const most = 2 ** (integer + fraction);
  return Math.max(-most, Math.min(most - 1, roundToEven(value * 2 ** fraction)));
}

/**
 * What is left of a whole number in so many bits of two's complement.
 * @param {number} whole
 * @param {number} bits
 */
export function wrapped(whole, bits) {
  const all = 2 ** bits;
  const shifted = (whole + all / 2) % all;
  return (shifted < 0 ? shifted + all : shifted) - all / 2;
}

/**
 * The unit's work, product by product.
 * @param {[x: number, w: number][]} pairs
 * @param {number} integer
 * @param {number} fraction
 * @param {number} accumulator
 * @returns {Row[]}
 */
export function run(pairs, integer, fraction, accumulator) {
  const step = 2 ** -fraction;
  let whole = 0;
  let exact = 0;
  return pairs.map(([x, w]) => {
    const [fx, fw] = [encode(x, integer, fraction), encode(w, integer, fraction)];
    whole = wrapped(whole + fx * fw, accumulator);
    exact += x * w;
    return { x, w, fixedX: fx * step, fixedW: fw * step, total: whole * step * step, exact };
  });
}

/**
 * Whether a sum would not have fitted the accumulator.
 * @param {[x: number, w: number][]} pairs
 * @param {number} integer
 * @param {number} fraction
 * @param {number} accumulator
 */
export function overflows(pairs, integer, fraction, accumulator) {
  const wide = run(pairs, integer, fraction, 50);
  const narrow = run(pairs, integer, fraction, accumulator);
  return wide.some(({ total }, i) => total !== narrow[i].total);
}
