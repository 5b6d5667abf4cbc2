// A convolution of several channels, stride 1 and no padding, exactly as torch computes and refuses it.
// A setting holds the widget's traits: input (4, 3, 3) and weights (4, 4, 3, 3) as flat lists,
// channels, outputs, size, groups.

import { sum } from "../maths/numbers.js";
import { isExact, shortNumber } from "../maths/short.js";

export * from "../maths/short.js";

/** @import { Matrix } from "../maths/matrix.js" */
/**
 * @typedef {object} Setting
 * @property {number[]} input
 * @property {number[]} weights
 * @property {number} channels
 * @property {number} outputs
 * @property {number} size
 * @property {number} groups
 */
/** @typedef {[number, number, number]} Place output channel, row, column */

export const SIDE = 3;
const MOST = 4;
/** A sum of more products than this is written as the sum of what each channel brings. */
const MANY_TERMS = 9;

const range = (/** @type {number} */ n, from = 0) => Array.from({ length: n }, (_, i) => from + i);
const inBrackets = (/** @type {number} */ value) =>
  value < 0 ? `(${shortNumber(value)})` : shortNumber(value);
const total = (/** @type {number[]} */ values) =>
  values.map((value, i) => (i ? inBrackets(value) : shortNumber(value))).join(" + ");
const count = (/** @type {number} */ n, /** @type {string} */ name) =>
  `${n} ${name}${n === 1 ? "" : "s"}`;

/**
 * Why torch refuses the groups, or "".
 * @param {Pick<Setting, "channels" | "outputs" | "groups">} setting
 */
export function problem({ channels, outputs, groups }) {
  const odd = [
    channels % groups ? count(channels, "input channel") : "",
    outputs % groups ? count(outputs, "output channel") : "",
  ].filter(Boolean);
  if (odd.length === 0) return "";
  return `${count(groups, "group")} cannot share ${odd.join(" and ")} evenly: the number of groups must divide both.`;
}

/**
 * The input channels that output channel o reads: those of its group.
 * @param {Pick<Setting, "channels" | "outputs" | "groups">} setting
 * @param {number} o
 */
export function channelsRead({ channels, outputs, groups }, o) {
  const each = channels / groups;
  return range(each, Math.floor(o / (outputs / groups)) * each);
}

/**
 * Input channel c.
 * @param {Pick<Setting, "input">} setting
 * @param {number} c
 * @returns {Matrix}
 */
export function inputChannel({ input }, c) {
  return range(SIDE).map((i) => range(SIDE).map((j) => input[(c * SIDE + i) * SIDE + j]));
}

/**
 * Where row a and column b of the kernel that output o lays on channel c stand among the weights.
 * @param {{ size: number }} setting
 * @param {number} o
 * @param {number} c
 * @param {number} a
 * @param {number} b
 */
export function weightAt({ size }, o, c, a, b) {
  const corner = SIDE - size;
  return ((o * MOST + c) * SIDE + corner + a) * SIDE + corner + b;
}

/**
 * The kernel that output o lays on channel c.
 * @param {Pick<Setting, "weights" | "size">} setting
 * @param {number} o
 * @param {number} c
 * @returns {Matrix}
 */
export function kernel(setting, o, c) {
  const along = range(setting.size);
  return along.map((a) => along.map((b) => setting.weights[weightAt(setting, o, c, a, b)]));
}

/** @param {{ size: number }} setting */
export const outputSide = ({ size }) => SIDE - size + 1;

/**
 * The pairs [input, weight] of channel c that enter cell (i, j) of output o, in the kernel's order.
 * @param {Setting} setting
 * @param {Place} place
 * @param {number} c
 * @returns {[number, number][]}
 */
function pairs(setting, [o, i, j], c) {
  const x = inputChannel(setting, c);
  const along = range(setting.size);
  const weights = kernel(setting, o, c);
  return along.flatMap((a) =>
    along.map((b) => /** @type {[number, number]} */ ([x[i + a][j + b], weights[a][b]])),
  );
}

/**
 * What channel c brings to output o: its own sum of products at each place.
 * @param {Setting} setting
 * @param {number} o
 * @param {number} c
 * @returns {Matrix}
 */
export function share(setting, o, c) {
  const along = range(outputSide(setting));
  return along.map((i) =>
    along.map((j) => sum(pairs(setting, [o, i, j], c).map(([x, w]) => x * w))),
  );
}

/**
 * Output channel o.
 * @param {Setting} setting
 * @param {number} o
 * @returns {Matrix}
 */
export function outputChannel(setting, o) {
  const shares = channelsRead(setting, o).map((c) => share(setting, o, c));
  const along = range(outputSide(setting));
  return along.map((i) => along.map((j) => sum(shares.map((one) => one[i][j]))));
}

/**
 * All output channels; groups that do not divide throw.
 * @param {Setting} setting
 * @returns {Matrix[]}
 */
export function output(setting) {
  const reason = problem(setting);
  if (reason) throw new Error(reason);
  return range(setting.outputs).map((o) => outputChannel(setting, o));
}

/**
 * The places [channel, row, column] of the input that enter an output cell.
 * @param {Setting} setting
 * @param {Place} place
 */
export function sourcesOf(setting, [o, i, j]) {
  const along = range(setting.size);
  return channelsRead(setting, o).flatMap((c) =>
    along.flatMap((a) => along.map((b) => [c, i + a, j + b])),
  );
}

/**
 * Shapes, weights, and multiply-accumulates of a legal setting.
 * @param {Pick<Setting, "channels" | "outputs" | "size" | "groups">} setting
 */
export function costs({ channels, outputs, size, groups }) {
  const side = SIDE - size + 1;
  const each = channels / groups;
  const weights = outputs * each * size * size;
  const places = side * side;
  const macs = weights * places;
  return {
    input: [channels, SIDE, SIDE],
    kernel: [outputs, each, size, size],
    output: [outputs, side, side],
    weights,
    places,
    macs,
    flops: 2 * macs,
  };
}

/**
 * The costs in three lines: [name, text].
 * @param {Pick<Setting, "channels" | "outputs" | "size" | "groups">} setting
 * @returns {[string, string][]}
 */
export function costLines(setting) {
  const { input, kernel: shape, output: result, weights, places, macs, flops } = costs(setting);
  const by = (/** @type {number[]} */ sizes) => sizes.join(" × ");
  return [
    ["Shapes", `input ${by(input)}, kernels ${by(shape)}, output ${by(result)}`],
    ["Weights", `${shape.join(" · ")} = ${weights}`],
    [
      "Work",
      `each weight at ${count(places, "place")}: ${weights} · ${places} = ${count(macs, "MAC")}, ${flops} FLOPs`,
    ],
  ];
}

/**
 * How an output cell comes about, in words.
 * @param {Setting} setting
 * @param {Place} place
 */
export function sumText(setting, place) {
  const read = channelsRead(setting, place[0]);
  const terms = read.map((c) => pairs(setting, place, c));
  const shares = terms.map((each) => sum(each.map(([x, w]) => x * w)));
  const result = shortNumber(sum(shares));
  const exact = [...terms.flat(2), ...shares, sum(shares)].every(isExact);
  const equals = exact ? "=" : "≈";
  const products = terms.map((each) =>
    each.map(([x, w], k) => `${k ? inBrackets(x) : shortNumber(x)}·${inBrackets(w)}`).join(" + "),
  );
  if (read.length === 1) {
    return `${products[0]} ${equals} ${result}, from channel ${read[0]} alone`;
  }
  if (terms.flat().length <= MANY_TERMS) {
    const bracketed = terms[0].length > 1 ? products.map((text) => `(${text})`) : products;
    const between = terms[0].length > 1 ? `${total(shares)} ${equals} ` : "";
    return `${bracketed.join(" + ")} ${equals} ${between}${result}`;
  }
  return `${total(shares)} ${equals} ${result}, one sum of ${terms[0].length} products from each of ${read.length} channels`;
}
