// What the picture says in words: numbers, the sum behind an output cell, the size formula, refusals.

import { isExact, MINUS, shortNumber } from "../maths/short.js";
import {
  axes,
  divisor,
  frame,
  laidKernel,
  outputCell,
  refusals,
  windowCells,
} from "./arithmetic.js";

/** @import { Axis } from "./arithmetic.js" */
/** @import { Pair } from "../maths/symmetric.js" */
/** @import { Setting } from "./arithmetic.js" */

/** Sums with more terms than this leave out those that add nothing. */
const MANY_TERMS = 16;
const AXES = [
  { one: "row", many: "rows" },
  { one: "column", many: "columns" },
];

/** @type {(n: number, name: { one: string, many: string }) => string} */
const count = (n, { one, many }) => `${n} ${n === 1 ? one : many}`;

const inBrackets = (/** @type {number} */ value) =>
  value < 0 ? `(${shortNumber(value)})` : shortNumber(value);
const equals = (/** @type {number[]} */ values) => (values.every(isExact) ? "=" : "≈");

/**
 * How output cell [i, j] comes about, e.g. "0·0 + 1·1 + 3·2 + 4·3 = 19".
 * @param {Setting} setting
 * @param {Pair} cell
 */
export function sumText(setting, cell) {
  const padded = frame(setting);
  const under = windowCells(setting, cell);
  const values = under.map(({ row, column }) => padded[row][column].value);
  const result = outputCell(setting, cell, padded);
  if (setting.mode === "max") return maxText(values, result);
  if (setting.mode === "average") {
    const counted = values.filter((value) => value !== null);
    const terms = counted.map((value, i) => (i ? inBrackets(value) : shortNumber(value)));
    const sign = equals([...counted, result]);
    return `(${terms.join(" + ")}) / ${divisor(setting, cell, padded)} ${sign} ${shortNumber(result)}`;
  }
  const kernel = laidKernel(setting);
  if (under.length === 0) return "0: no cell of the input reaches it";
  const pairs = under.map(({ a, b }, i) => [values[i] ?? 0, kernel[a][b]]);
  const sign = equals([...pairs.flat(), result]);
  const shown = pairs.length > MANY_TERMS ? pairs.filter(([x, w]) => x * w !== 0) : pairs;
  if (shown.length === 0) return `0: all ${pairs.length} products are 0`;
  const terms = shown.map(([x, w], i) => `${i ? inBrackets(x) : shortNumber(x)}·${inBrackets(w)}`);
  const left = pairs.length - shown.length;
  const rest = left === 0 ? "" : ` + ${left} ${left === 1 ? "product" : "products"} with a 0`;
  return `${terms.join(" + ")}${rest} ${sign} ${shortNumber(result)}`;
}

/**
 * @param {(number | null)[]} values
 * @param {number} result
 */
function maxText(values, result) {
  const inside = values.filter((value) => value !== null);
  if (!inside.some(Number.isFinite)) return `${MINUS}∞: no cell of the input is in the window`;
  const shown = inside.length > MANY_TERMS ? inside.filter(Number.isFinite) : inside;
  const sign = equals([result]);
  return `max(${shown.map((value) => shortNumber(value)).join(", ")}) ${sign} ${shortNumber(result)}`;
}

/**
 * The size of the output in letters. An average pooling has no dilation, so d is not in it.
 * @param {{ ceil: boolean }} axis
 * @param {string} mode
 */
export function sizeFormula({ ceil }, mode) {
  if (mode === "transposed") return `(n ${MINUS} 1)s ${MINUS} 2p + d(k ${MINUS} 1) + o + 1`;
  const [open, close] = ceil ? "⌈⌉" : "⌊⌋";
  const span = mode === "average" ? "k" : `d(k ${MINUS} 1) ${MINUS} 1`;
  return `${open}(n + 2p ${MINUS} ${span}) / s${close} + 1`;
}

/**
 * The size of the output along an axis, with the numbers of the setting in the formula.
 * @param {Axis} axis
 * @param {string} mode
 */
export function sizeText({ n, k, s, p, d, op, ceil, free, size, dropped }, mode) {
  const [open, close] = ceil ? "⌈⌉" : "⌊⌋";
  const value = String(free).replace("-", MINUS);
  const span = mode === "average" ? k : `${d}·(${k} ${MINUS} 1) ${MINUS} 1`;
  const filled = `${open}(${n} + 2·${p} ${MINUS} ${span}) / ${s}${close} + 1`;
  const last = dropped ? ` ${MINUS} 1` : "";
  const result = String(size).replace("-", MINUS);
  if (mode === "transposed") {
    return `(${n} ${MINUS} 1)·${s} ${MINUS} 2·${p} + ${d}·(${k} ${MINUS} 1) + ${op} + 1 = ${result}`;
  }
  return `${filled} = ${open}${value} / ${s}${close} + 1${last} = ${result}`;
}

/**
 * What happens at the far end of an axis when the stride does not divide, or "" when it does.
 * @param {Axis} numbers
 * @param {number} axis
 * @param {{ end: number, between: number[] }} unread
 */
export function endText(numbers, axis, { end, between }) {
  const { n, p, s, span, free, size, dropped, ceil, transposed } = numbers;
  if (transposed) return "";
  const name = AXES[axis];
  const parts = [];
  const over = (size - 1) * s + span - (n + 2 * p);
  if (end > 0 && !ceil) {
    parts.push(`${s} does not divide ${free}: a remainder of ${count(end, name)} is never read`);
  }
  if (end > 0 && ceil) {
    parts.push(
      end === 1
        ? `The last ${name.one} is never read`
        : `The last ${count(end, name)} are never read`,
    );
  }
  if (dropped) parts.push("A window that would start past the input is left out");
  if (over > 0) parts.push(`The last window reaches ${count(over, name)} past the padding`);
  if (between.length > 0) parts.push(`The windows step over ${count(between.length, name)}`);
  return parts.length ? `${parts.join(". ")}.` : "";
}

/**
 * Why a setting is refused, one sentence for each reason.
 * @param {Setting} setting
 */
export function problems(setting) {
  const both = axes(setting);
  const thing = setting.mode === "convolution" ? "kernel" : "window";
  return refusals(setting).map(({ axis, reason }) => {
    const { n, k, s, p, d, op, span, transposed } = both[axis];
    const name = AXES[axis];
    if (reason === "reflect") {
      return (
        `Reflecting ${count(p, name)} needs an input of at least ${count(p + 1, name)}, because the edge ` +
        `itself is not repeated; this one has ${n}. Use less padding or another mode.`
      );
    }
    if (reason === "circular") {
      return (
        `Circular padding of ${count(p, name)} would go around more than once: the input has ` +
        `${count(n, name)}. Use at most ${n}.`
      );
    }
    if (reason === "pooling padding") {
      return (
        `A pooling window of ${count(k, name)} allows a padding of at most half of it, ` +
        `${Math.floor(k / 2)}; it is ${p}. With more, a window could lie on the padding alone.`
      );
    }
    if (reason === "output padding") {
      return (
        `An output padding of ${count(op, name)} is too large: it must be smaller than the stride, ` +
        `${s}, or the dilation, ${d}.`
      );
    }
    if (transposed) {
      return (
        `A padding of ${p} takes ${count(2 * p, name)} away, and there are only ` +
        `${(n - 1) * s + span + op}. Use less padding or a larger kernel.`
      );
    }
    const spread = d > 1 ? `, spread by dilation ${d},` : "";
    const held = p > 0 ? `the padded input has only ${n + 2 * p}` : `the input has only ${n}`;
    return (
      `The ${thing}${spread} spans ${count(span, name)}, but ${held}. ` +
      `Use more padding${d > 1 ? ", less dilation" : ""} or a smaller ${thing}.`
    );
  });
}
