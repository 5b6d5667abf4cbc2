// Momentum on ½λe²: v ← ρv + λe, e ← e − ηv. Everything depends on the product p = ηλ and on ρ alone.
// The errors follow e₊ = (1 + ρ − p)e − ρe₋, so powers of the roots of r² − (1 + ρ − p)r + ρ.

/** @typedef {[number, number]} Pair */
/** @typedef {"creeps in" | "swings" | "flips" | "diverges" | "never settles"} Verdict */

/**
 * The two roots, as [real, imaginary] parts: the eigenvalues of a step. If they are complex, their
 * product is the square of their size; it is ρ, so their size is √ρ.
 * @param {number} product
 * @param {number} rho
 * @returns {[Pair, Pair]}
 */
export function roots(product, rho) {
  const middle = (1 + rho - product) / 2;
  const square = discriminant(product, rho) / 4;
  const half = Math.sqrt(Math.abs(square));
  return square < 0
    ? [
        [middle, -half],
        [middle, half],
      ]
    : [
        [middle - half, 0],
        [middle + half, 0],
      ];
}

/**
 * (1 + ρ − p)² − 4ρ, as a product: what two nearly equal numbers would lose by being subtracted.
 * @param {number} product
 * @param {number} rho
 */
function discriminant(product, rho) {
  const root = Math.sqrt(rho);
  return (product - (1 - root) ** 2) * (product - (1 + root) ** 2);
}

/**
 * The size of the larger root: what a step leaves of the error in the long run.
 * @param {number} product
 * @param {number} rho
 */
export function size(product, rho) {
  return Math.max(...roots(product, rho).map(([re, im]) => Math.hypot(re, im)));
}

/**
 * The slower of the two directions.
 * @param {number} product of η and λmax
 * @param {number} rho
 * @param {number} condition
 */
export function rate(product, rho, condition) {
  return Math.max(size(product / condition, rho), size(product, rho));
}

/**
 * What the error along one direction does.
 * @param {number} product
 * @param {number} rho
 * @returns {Verdict}
 */
export function verdict(product, rho) {
  const bound = 2 * (1 + rho);
  if (Math.abs(product - bound) < 1e-9 || (rho === 1 && product < bound)) return "never settles";
  if (product > bound) return "diverges";
  if (discriminant(product, rho) < 0) return "swings";
  return product <= 1 ? "creeps in" : "flips";
}

/**
 * The pair that shrinks the worst error fastest, and plain descent's best for comparison.
 * @param {number} condition
 */
export function best(condition) {
  const root = Math.sqrt(condition);
  const shrink = (root - 1) / (root + 1);
  return {
    product: (1 + shrink) ** 2,
    rho: shrink ** 2,
    rate: shrink,
    plain: { product: (2 * condition) / (condition + 1), rate: (condition - 1) / (condition + 1) },
  };
}

/**
 * The corners of the region where a step leaves at most `share` in both directions: the roots lie in
 * that circle exactly if ρ ≤ c² and (1 − c)(1 − ρ/c) ≤ p ≤ (1 + c)(1 + ρ/c). Empty below the best.
 * @param {number} share
 * @param {number} condition
 * @returns {Pair[]}
 */
export function region(share, condition) {
  const top = share ** 2;
  const left = (/** @type {number} */ rho) => condition * (1 - share) * (1 - rho / share);
  const right = (/** @type {number} */ rho) => (1 + share) * (1 + rho / share);
  if (left(top) > right(top)) return [];
  const [across, up] = [condition * (1 - share), 1 + share];
  const low = Math.max(0, (share * (across - up)) / (across + up));
  return [
    [left(low), low],
    [right(low), low],
    [right(top), top],
    [left(top), top],
  ];
}

/**
 * The error before each step and after the last, from e = 1 and v = 0.
 * @param {number} product
 * @param {number} rho
 * @param {number} steps
 */
export function errors(product, rho, steps) {
  const found = [1];
  let [velocity, error] = [0, 1]; // the velocity times η
  for (let step = 0; step < steps; step += 1) {
    velocity = rho * velocity + product * error;
    error -= velocity;
    found.push(error);
  }
  return found;
}

const PATIENCE = 20000;

/**
 * The steps after which both errors are at most `part` of what they were, and stay so while ten times
 * as many steps are looked at; Infinity where they never are.
 * @param {number} product
 * @param {number} rho
 * @param {number} condition
 * @param {number} part
 */
export function stepsToShrink(product, rho, condition, part) {
  const slowest = rate(product, rho, condition);
  if (slowest >= 1) return Number.POSITIVE_INFINITY;
  // Past this many steps even the slowest error is too small: t·rᵗ bounds it, where two roots meet.
  let enough = 1;
  while (enough < PATIENCE && (1 + 4 * enough) * slowest ** enough > part) enough *= 2;
  let last = 0;
  for (const each of [product / condition, product]) {
    const found = errors(each, rho, enough);
    const above = found.findLastIndex((error) => Math.abs(error) > part);
    last = Math.max(last, above + 1);
  }
  return last > enough ? Number.POSITIVE_INFINITY : last;
}
