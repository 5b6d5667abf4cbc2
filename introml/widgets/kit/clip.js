// A line that leaves the drawing is cut there. What a diverging run draws would otherwise reach
// millions of pixels away, where browsers round coarsely and reckon with its whole size.

/** @typedef {number[]} Point [x, y] */
/** @typedef {number[]} Box [left, top, right, bottom] */

/**
 * The share of the way from a to b at which it enters and leaves the box, or null: Liang and Barsky.
 * @param {Point} a
 * @param {Point} b
 * @param {Box} box
 */
function crossing([ax, ay], [bx, by], [left, top, right, bottom]) {
  let [enters, leaves] = [0, 1];
  for (const [from, way, low, high] of [
    [ax, bx - ax, left, right],
    [ay, by - ay, top, bottom],
  ]) {
    if (way === 0) {
      if (from < low || from > high) return null;
      continue;
    }
    const [first, last] = [(low - from) / way, (high - from) / way];
    enters = Math.max(enters, Math.min(first, last));
    leaves = Math.min(leaves, Math.max(first, last));
  }
  // What is not finite makes a share that is no number, and no comparison with it holds.
  return enters < leaves ? [enters, leaves] : null;
}

/**
 * The parts of a polyline that lie in a box [left, top, right, bottom], each a polyline [[x, y], …].
 * Points that are not finite interrupt it.
 * @param {Point[]} points
 * @param {Box} box
 */
export function clipped(points, box) {
  /** @type {Point[][]} */
  const parts = [];
  let whole = false; // the last part goes on to the last point
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    const cut = crossing(a, b, box);
    if (cut) {
      const at = (/** @type {number} */ share) => [
        a[0] + share * (b[0] - a[0]),
        a[1] + share * (b[1] - a[1]),
      ];
      if (!whole) parts.push([cut[0] > 0 ? at(cut[0]) : a]);
      parts[parts.length - 1].push(cut[1] < 1 ? at(cut[1]) : b);
    }
    whole = cut !== null && cut[1] === 1;
  }
  return parts;
}
