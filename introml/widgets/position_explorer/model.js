// Four positional encodings. Positions count from 0; numbers come in pairs, each turning at its own
// speed. Sin–cos rows are (sin, cos, sin, cos, …); RoPE turns a vector; ALiBi subtracts distance.

import { dot } from "../maths/numbers.js";
import { generator, normal } from "../maths/random.js";

/** @typedef {"sin-cos" | "learned" | "rope" | "alibi"} Encoding */
/** @typedef {{ encoding: Encoding, width: number, base: number, back: number, head: number }} Setting */

export const POSITIONS = 48;
export const TRAINED = 32; // rows of the learned table
export const HEADS = 8;

/**
 * How many radians each pair turns from one position to the next: base^(−2i/width).
 * @param {number} width
 * @param {number} base
 */
export function frequencies(width, base) {
  return Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));
}

/**
 * The sines and cosines of a position, pair by pair.
 * @param {number} position
 * @param {number} width
 * @param {number} base
 */
export function sinCos(position, width, base) {
  return frequencies(width, base).flatMap((w) => [Math.sin(w * position), Math.cos(w * position)]);
}

/**
 * RoPE: every pair of the vector, turned by its angle at this position.
 * @param {number[]} vector
 * @param {number} position
 * @param {number} base
 */
export function turned(vector, position, base) {
  return frequencies(vector.length, base).flatMap((w, i) => {
    const [a, b] = [vector[2 * i], vector[2 * i + 1]];
    const [c, s] = [Math.cos(w * position), Math.sin(w * position)];
    return [a * c - b * s, a * s + b * c];
  });
}

/**
 * An untrained table of positions: one row of normal numbers for each.
 * @param {number} width
 */
export function learned(width) {
  const random = generator(width);
  const row = () => Array.from({ length: width }, () => normal(random));
  return Array.from({ length: TRAINED }, row);
}

/**
 * The slope of one head, counted from 1.
 * @param {number} head
 * @param {number} heads
 */
export function slope(head, heads = HEADS) {
  return 2 ** ((-8 * head) / heads);
}

/**
 * The vector (1, 0, 1, 0, …), which the explorer turns.
 * @param {number} width
 */
export function plain(width) {
  return Array.from({ length: width }, (_, i) => 1 - (i % 2));
}

/**
 * The score of the query position with each key position; null where the table has no row. `back`
 * turns the query that many positions back first, as W^Q can (sin–cos, RoPE).
 * @param {Setting} setting
 * @param {number} query
 * @param {number[]} keys
 * @returns {(number | null)[]}
 */
export function scores({ encoding, width, base, back, head }, query, keys) {
  if (encoding === "alibi") return keys.map((key) => -slope(head) * Math.abs(query - key));
  if (encoding === "learned") {
    const table = learned(width);
    const row = table[query];
    return keys.map((key) => (row && table[key] ? dot(row, table[key]) : null));
  }
  const at =
    encoding === "rope"
      ? (/** @type {number} */ position) => turned(plain(width), position, base)
      : (/** @type {number} */ position) => sinCos(position, width, base);
  const asking = at(query - back);
  return keys.map((key) => dot(asking, at(key)));
}

/**
 * What the picture of an encoding shows, a row a number: (width, positions), or for ALiBi the factor
 * e^(−slope · distance) of each head: (heads, positions). Null where the table has no row.
 * @param {Setting} setting
 * @param {number} query
 * @returns {(number | null)[][]}
 */
export function table({ encoding, width, base }, query) {
  const positions = Array.from({ length: POSITIONS }, (_, t) => t);
  if (encoding === "alibi") {
    return Array.from({ length: HEADS }, (_, h) =>
      positions.map((t) => Math.exp(-slope(h + 1) * Math.abs(query - t))),
    );
  }
  const rows = encoding === "learned" ? learned(width) : null;
  const columns = positions.map((t) => (rows ? rows[t] : sinCos(t, width, base)));
  return Array.from({ length: width }, (_, i) => columns.map((column) => column?.[i] ?? null));
}
