// Broadcasting: shapes are aligned from the right, and an axis of size 1, or a missing one, is used
// again for each place of the other's. A shape is a list of sizes, an index a list as long as it.

import { sum } from "../maths/numbers.js";

/** @typedef {number[]} Shape */
/**
 * One axis of the result.
 * @typedef {object} Axis
 * @property {number} axis its number in the result, from 0
 * @property {number | null} a the size in A, null where A has no such axis
 * @property {number | null} b
 * @property {number | null} size in the result, null where the two do not fit
 */

export const MOST_AXES = 3;
const LARGEST = 5;

/** @param {Shape} shape */
export const count = (shape) => shape.reduce((product, size) => product * size, 1);

/**
 * The axes of A + B from the first to the last, whether they fit or not.
 * @param {Shape} a
 * @param {Shape} b
 * @returns {Axis[]}
 */
export function alignedAxes(a, b) {
  const many = Math.max(a.length, b.length);
  return Array.from({ length: many }, (_, axis) => {
    const own = a[axis - (many - a.length)] ?? null;
    const other = b[axis - (many - b.length)] ?? null;
    const [left, right] = [own ?? 1, other ?? 1];
    const fits = left === right || left === 1 || right === 1;
    return { axis, a: own, b: other, size: fits ? Math.max(left, right) : null };
  });
}

/**
 * The axis that PyTorch complains about, the last that does not fit, or null.
 * @param {Shape} a
 * @param {Shape} b
 */
export function misfit(a, b) {
  return alignedAxes(a, b).findLast(({ size }) => size === null) ?? null;
}

/**
 * The shape of A + B; throws PyTorch's message where they do not fit.
 * @param {Shape} a
 * @param {Shape} b
 * @returns {Shape}
 */
export function broadcastShape(a, b) {
  const wrong = misfit(a, b);
  if (wrong) {
    throw new Error(
      `The size of tensor a (${wrong.a}) must match the size of tensor b (${wrong.b}) ` +
        `at non-singleton dimension ${wrong.axis}`,
    );
  }
  return alignedAxes(a, b).map(({ size }) => size ?? 1);
}

/**
 * The index of the element that lands at a place of the result: the place without the axes that the
 * tensor lacks, and 0 along those of size 1.
 * @param {Shape} shape
 * @param {number[]} place
 */
export function source(shape, place) {
  const missing = place.length - shape.length;
  return shape.map((size, axis) => (size === 1 ? 0 : place[missing + axis]));
}

/**
 * Where an element lies in memory: the last axis runs fastest.
 * @param {Shape} shape
 * @param {number[]} index
 */
export function flat(shape, index) {
  return index.reduce((before, at, axis) => before * shape[axis] + at, 0);
}

/**
 * All indices of a shape, in the order of memory.
 * @param {Shape} shape
 * @returns {number[][]}
 */
export function places(shape) {
  return Array.from({ length: count(shape) }, (_, number) => {
    const index = [];
    let left = number;
    for (const size of shape.toReversed()) {
      index.unshift(left % size);
      left = Math.floor(left / size);
    }
    return index;
  });
}

/**
 * For each place of the result, in the order of memory, which element lands there.
 * @param {Shape} shape
 * @param {Shape} result
 */
export function landing(shape, result) {
  return places(result).map((place) => flat(shape, source(shape, place)));
}

/**
 * Whether a place shows an element where it lies, and not once more: nothing was stretched to get
 * there.
 * @param {Shape} shape
 * @param {number[]} place
 */
export function isOwn(shape, place) {
  const own = source(shape, place);
  return sum(place) === sum(own);
}

/** A holds 1, 2, 3, … and B 10, 20, 30, … */
export const STEPS = { a: 1, b: 10 };

/**
 * The values of A + B in the order of memory.
 * @param {Shape} a
 * @param {Shape} b
 */
export function sums(a, b) {
  const result = broadcastShape(a, b);
  const [left, right] = [landing(a, result), landing(b, result)];
  return left.map((at, i) => STEPS.a * (at + 1) + STEPS.b * (right[i] + 1));
}

/**
 * A shape as it is typed, "(2, 3)", "2, 3" or "2 3" -> [2, 3]; null where it is none that can be drawn.
 * @param {string} text
 * @returns {Shape | null}
 */
export function parseShape(text) {
  const inner = text.trim().match(/^[([]?([\d\s,×]*)[)\]]?$/);
  if (!inner) return null;
  const shape = inner[1]
    .split(/[\s,×]+/)
    .filter(Boolean)
    .map(Number);
  const good = shape.length > 0 && shape.length <= MOST_AXES;
  return good && shape.every((size) => size >= 1 && size <= LARGEST) ? shape : null;
}

/**
 * As Python writes it: (2, 3), and (3,) with its comma.
 * @param {Shape} shape
 */
export function written(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/**
 * The shape with one size set, where `slot` counts from the right, 0 for the last axis. Setting an axis
 * that is not there adds it, with axes of size 1 in between; 0 takes the first axis away.
 * @param {Shape} shape
 * @param {number} slot
 * @param {number} size
 * @returns {Shape}
 */
export function withSize(shape, slot, size) {
  const axis = shape.length - 1 - slot;
  if (size < 1) return axis === 0 && shape.length > 1 ? shape.slice(1) : shape;
  if (axis >= 0) return shape.with(axis, Math.min(size, LARGEST));
  return [Math.min(size, LARGEST), ...Array(-axis - 1).fill(1), ...shape];
}
