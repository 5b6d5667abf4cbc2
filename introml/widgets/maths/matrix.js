// Matrices as lists of rows.

import { dot } from "./numbers.js";

/** @typedef {number[][]} Matrix */

/**
 * ABᵀ: the products of each row of A with each row of B.
 * @param {Matrix} a
 * @param {Matrix} b
 * @returns {Matrix}
 */
export function timesTransposed(a, b) {
  return a.map((row) => b.map((other) => dot(row, other)));
}

/**
 * @param {Matrix} matrix
 * @returns {Matrix}
 */
export function transposed(matrix) {
  return matrix[0].map((_, j) => matrix.map((row) => row[j]));
}

/**
 * AB.
 * @param {Matrix} a
 * @param {Matrix} b
 * @returns {Matrix}
 */
export function times(a, b) {
  return timesTransposed(a, transposed(b));
}

/**
 * The matrix cut, or filled with zeros at the right and below, to rows × columns.
 * @param {Matrix} matrix
 * @param {number} rows
 * @param {number} columns
 * @returns {Matrix}
 */
export function resized(matrix, rows, columns) {
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => matrix[i]?.[j] ?? 0),
  );
}
