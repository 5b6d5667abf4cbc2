// Sums and ranges of plain numbers.

/** @param {number[]} values */
export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** @param {number[]} values */
export function mean(values) {
  return sum(values) / values.length;
}

/**
 * Σ aᵢbᵢ of two lists of one length.
 * @param {number[]} a
 * @param {number[]} b
 */
export function dot(a, b) {
  return a.reduce((total, value, i) => total + value * b[i], 0);
}

/**
 * The value, or the end of the range [low, high] that it lies beyond.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
