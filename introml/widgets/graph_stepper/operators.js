// What each operator computes, and how much its result moves with each of its inputs. Where a
// derivative does not exist, PyTorch's choice is taken: relu has slope 0 at 0, and the two inputs of
// max share the gradient where they are equal.

/**
 * @typedef {object} Operator
 * @property {(...inputs: number[]) => number} value
 * @property {((y: number, ...inputs: number[]) => number)[]} slopes of the value y, one an input
 * @property {(...inputs: number[]) => boolean} [shut] whether a slope of 0 means that the input has no
 *   say at all, rather than a factor of 0
 * @property {string[]} rules the slopes in letters: a and b are the inputs, y the value
 */

/**
 * The slope of aᵇ with b: nothing moves while a is 0, where it is defined.
 * @param {number} y
 * @param {number} a
 * @param {number} b
 */
const slopeOfExponent = (y, a, b) => (a === 0 && b >= 0 ? 0 : y * Math.log(a));

/** @type {Record<string, Operator>} */
export const OPERATORS = {
  "+": { value: (a, b) => a + b, slopes: [() => 1, () => 1], rules: ["1", "1"] },
  "-": { value: (a, b) => a - b, slopes: [() => 1, () => -1], rules: ["1", "−1"] },
  "*": { value: (a, b) => a * b, slopes: [(_, __, b) => b, (_, a) => a], rules: ["b", "a"] },
  "/": {
    value: (a, b) => a / b,
    slopes: [(_, __, b) => 1 / b, (y, _, b) => -y / b],
    rules: ["1/b", "−a/b²"],
  },
  "^": {
    value: (a, b) => a ** b,
    slopes: [(_, a, b) => (b === 0 ? 0 : b * a ** (b - 1)), slopeOfExponent],
    shut: (_, b) => b === 0,
    rules: ["b · a^(b − 1)", "y · log a"],
  },
  neg: { value: (a) => -a, slopes: [() => -1], rules: ["−1"] },
  exp: { value: Math.exp, slopes: [(y) => y], rules: ["y"] },
  log: { value: Math.log, slopes: [(_, a) => 1 / a], rules: ["1/a"] },
  sin: { value: Math.sin, slopes: [(_, a) => Math.cos(a)], rules: ["cos a"] },
  tanh: { value: Math.tanh, slopes: [(y) => 1 - y * y], rules: ["1 − y²"] },
  sigmoid: {
    value: (a) => 1 / (1 + Math.exp(-a)),
    slopes: [(y) => y * (1 - y)],
    rules: ["y · (1 − y)"],
  },
  relu: {
    value: (a) => (a > 0 || Number.isNaN(a) ? a : 0),
    slopes: [(y) => (y > 0 ? 1 : 0)],
    shut: () => true,
    rules: ["1 where a > 0, else 0"],
  },
  max: {
    value: Math.max,
    slopes: [
      (_, a, b) => (a === b ? 0.5 : a > b ? 1 : 0),
      (_, a, b) => (a === b ? 0.5 : b > a ? 1 : 0),
    ],
    shut: () => true,
    rules: [
      "1 where a is the larger, ½ at a tie, else 0",
      "1 where b is the larger, ½ at a tie, else 0",
    ],
  },
};
