// Two boxes: what they share and what they cover. A box is [left, top, right, low].

/** @typedef {[number, number, number, number]} Box */

/**
 * The part that two boxes share, or null if there is none.
 * @param {Box} a
 * @param {Box} b
 * @returns {Box | null}
 */
export function shared(a, b) {
  const [left, top] = [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  const [right, low] = [Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  return right > left && low > top ? [left, top, right, low] : null;
}

/** @param {Box | null} box */
const area = (box) => (box ? (box[2] - box[0]) * (box[3] - box[1]) : 0);

/**
 * The area that two boxes share, the area that they cover together, and the one over the other.
 * @param {Box} a
 * @param {Box} b
 */
export function overlap(a, b) {
  const both = area(shared(a, b));
  const together = area(a) + area(b) - both;
  return { both, together, iou: both / together };
}
