// The regions in which a function of two variables is at most a level: marching squares on a grid.

/** @typedef {[number, number]} Point */

/**
 * values[j][i] of f at the crossings of a grid over [x0, x1] × [y0, y1].
 * @param {(x: number, y: number) => number} f
 * @param {[number, number]} x
 * @param {[number, number]} y
 * @param {number} cells along each side
 */
export function sampled(f, [x0, x1], [y0, y1], cells) {
  return Array.from({ length: cells + 1 }, (_, j) =>
    Array.from({ length: cells + 1 }, (_, i) =>
      f(x0 + ((x1 - x0) * i) / cells, y0 + ((y1 - y0) * j) / cells),
    ),
  );
}

/**
 * The rings around the region where the values are at most `level`, in units of the grid: [i, j] is
 * the crossing of column i and row j. Rings are closed along the grid's edge; holes are rings too, so
 * fill them by the even-odd rule.
 * @param {number[][]} values
 * @param {number} level
 * @returns {Point[][]}
 */
export function contours(values, level) {
  const rows = values.length;
  const columns = values[0].length;
  // A frame of high ground right at the edge closes every ring.
  const inside = (/** @type {number} */ i, /** @type {number} */ j) =>
    i >= 0 && j >= 0 && i < columns && j < rows && values[j][i] <= level;
  /** @type {(i: number, j: number, di: number, dj: number) => Point} where f crosses the level */
  const crossing = (i, j, di, dj) => {
    const [a, b] = [values[j]?.[i], values[j + dj]?.[i + di]];
    if (a === undefined) return [i + di, j + dj];
    if (b === undefined) return [i, j];
    const share = (level - a) / (b - a);
    return [i + share * di, j + share * dj];
  };
  // An edge of a cell is named by its lower left end: twice its number, plus 1 for an upright one.
  const width = columns + 2;
  const across = (/** @type {number} */ i, /** @type {number} */ j) =>
    2 * ((j + 1) * width + i + 1);
  /** @type {Map<number, number>} from the edge by which a segment enters its cell to the next */
  const next = new Map();
  /** @type {Map<number, Point>} */
  const points = new Map();
  for (let j = -1; j < rows; j += 1) {
    for (let i = -1; i < columns; i += 1) {
      const corners = [inside(i, j), inside(i + 1, j), inside(i + 1, j + 1), inside(i, j + 1)];
      if (corners.every((corner) => corner === corners[0])) continue;
      const edges = [across(i, j), across(i + 1, j) + 1, across(i, j + 1), across(i, j) + 1];
      /** @type {(() => Point)[]} */
      const places = [
        () => crossing(i, j, 1, 0),
        () => crossing(i + 1, j, 0, 1),
        () => crossing(i, j + 1, 1, 0),
        () => crossing(i, j, 0, 1),
      ];
      // The low ground lies on the left of a segment: it begins at an edge that goes from low to
      // high as one walks around the cell counter-clockwise, and ends at the one before it.
      for (let k = 0; k < 4; k += 1) {
        if (!(corners[k] && !corners[(k + 1) % 4])) continue;
        let end = (k + 3) % 4;
        while (!(!corners[end] && corners[(end + 1) % 4])) end = (end + 3) % 4;
        next.set(edges[k], edges[end]);
        points.set(edges[k], places[k]());
      }
    }
  }
  /** @type {Point[][]} */
  const rings = [];
  for (const start of next.keys()) {
    /** @type {Point[]} */
    const ring = [];
    for (let edge = start; next.has(edge); ) {
      ring.push(/** @type {Point} */ (points.get(edge)));
      const to = /** @type {number} */ (next.get(edge));
      next.delete(edge);
      edge = to;
    }
    if (ring.length > 2) rings.push(ring);
  }
  return rings;
}
