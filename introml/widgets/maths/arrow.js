/**
 * The `d` of a straight line with a head at its end.
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
export function arrowPath(x1, y1, x2, y2) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const side = (/** @type {number} */ sign) =>
    `${(x2 - 5 * ux - sign * 3.5 * uy).toFixed(1)} ${(y2 - 5 * uy + sign * 3.5 * ux).toFixed(1)}`;
  const end = `${x2.toFixed(1)} ${y2.toFixed(1)}`;
  return `M${x1.toFixed(1)} ${y1.toFixed(1)}L${end}M${side(1)}L${end}L${side(-1)}`;
}
