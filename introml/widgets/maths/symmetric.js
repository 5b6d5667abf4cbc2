// Symmetric 2×2 matrices [[a, b], [b, d]].

/** @typedef {[number, number]} Pair */
/** @typedef {[Pair, Pair]} Symmetric */

/**
 * Eigenvalues, the smaller one first, with their unit eigenvectors.
 * @param {Symmetric} matrix
 * @returns {{ values: Pair, vectors: [Pair, Pair] }}
 */
export function eigen([[a, b], [, d]]) {
  const middle = (a + d) / 2;
  const radius = Math.hypot((a - d) / 2, b);
  const angle = Math.atan2(2 * b, a - d) / 2;
  /** @type {Pair} */
  const steep = [Math.cos(angle), Math.sin(angle)];
  return { values: [middle - radius, middle + radius], vectors: [[-steep[1], steep[0]], steep] };
}

/**
 * @param {Symmetric} matrix
 * @param {number} factor
 * @returns {Symmetric}
 */
export function scaledBy([[a, b], [c, d]], factor) {
  return [
    [a * factor, b * factor],
    [c * factor, d * factor],
  ];
}

/**
 * @param {Symmetric} matrix
 * @returns {Symmetric}
 */
export function inverse([[a, b], [, d]]) {
  const determinant = a * d - b * b;
  return [
    [d / determinant, -b / determinant],
    [-b / determinant, a / determinant],
  ];
}

/**
 * The ellipse of `deviations` standard deviations of a covariance matrix, as a closed list of points.
 * @param {number[]} centre
 * @param {Symmetric} covariance
 * @returns {Pair[]}
 */
export function ellipse(centre, covariance, deviations = 2, sides = 60) {
  const { values, vectors } = eigen(covariance);
  const radii = values.map((value) => deviations * Math.sqrt(Math.max(0, value)));
  return Array.from({ length: sides + 1 }, (_, i) => {
    const turn = (2 * Math.PI * i) / sides;
    const [along, across] = [radii[0] * Math.cos(turn), radii[1] * Math.sin(turn)];
    const at = (/** @type {0 | 1} */ k) =>
      centre[k] + along * vectors[0][k] + across * vectors[1][k];
    return [at(0), at(1)];
  });
}
