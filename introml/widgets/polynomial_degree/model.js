// Polynomials of every degree fitted to noisy samples of a known curve, and their errors on the
// samples and on others. x lies in [−1, 1]; the basis is that of the Legendre polynomials, whose
// columns stay far from parallel where those of 1, x, x², … do not.

import { generator, normal } from "../maths/random.js";

/** @typedef {"sine" | "cubic" | "bump"} Curve */
/** @typedef {{ x: number[], y: number[] }} Points */

/** @type {Record<Curve, (x: number) => number>} */
const CURVES = {
  sine: (x) => Math.sin(1.5 * Math.PI * x),
  cubic: (x) => 4 * x ** 3 - 3 * x,
  bump: (x) => 2 / (1 + 25 * x ** 2) - 0.5,
};

/**
 * The value of a true curve: "sine" sin(1.5πx), "cubic" 4x³ − 3x, "bump" 2/(1 + 25x²) − ½.
 * @param {Curve} name
 * @param {number} x
 */
export function curveAt(name, x) {
  return CURVES[name](x);
}

/**
 * `count` points of a curve with noise: x uniform in [−1, 1), y = curve(x) + noise · N(0, 1).
 * `part` 0 and 1 draw independently. More points, or more noise, keep the first ones' draws.
 * @param {Curve} curve
 * @param {number} count
 * @param {number} noise
 * @param {number} seed
 * @returns {Points}
 */
export function sample(curve, count, noise, seed, part = 0) {
  const [place, deviation] = [0, 1].map((stream) => generator(4 * seed + 2 * part + stream));
  const x = Array.from({ length: count }, () => 2 * place() - 1);
  return { x, y: x.map((value) => curveAt(curve, value) + noise * normal(deviation)) };
}

/**
 * [P₀(x), …, P_degree(x)], by (k + 1)Pₖ₊₁ = (2k + 1)xPₖ − kPₖ₋₁.
 * @param {number} x
 * @param {number} degree
 */
export function legendre(x, degree) {
  const values = [1, x];
  for (let k = 1; k < degree; k += 1) {
    values.push(((2 * k + 1) * x * values[k] - k * values[k - 1]) / (k + 1));
  }
  return values.slice(0, degree + 1);
}

/**
 * R and the first entries of Qᵀy by Householder reflections; `rows` and `y` are overwritten.
 * @param {number[][]} rows
 * @param {number[]} y
 */
function triangularize(rows, y) {
  const columns = rows[0].length;
  for (let j = 0; j < columns; j += 1) {
    const v = rows.slice(j).map((row) => row[j]);
    const length = Math.hypot(...v);
    if (length === 0) continue;
    v[0] += v[0] >= 0 ? length : -length; // no cancellation
    const scale = 2 / v.reduce((total, value) => total + value * value, 0);
    for (let k = j; k < columns; k += 1) {
      let along = 0;
      for (let i = 0; i < v.length; i += 1) along += v[i] * rows[i + j][k];
      for (let i = 0; i < v.length; i += 1) rows[i + j][k] -= scale * along * v[i];
    }
    let along = 0;
    for (let i = 0; i < v.length; i += 1) along += v[i] * y[i + j];
    for (let i = 0; i < v.length; i += 1) y[i + j] -= scale * along * v[i];
  }
}

/**
 * For every degree k = 0 … `degree` the coefficients c that minimize ½Σ(Φc − y)² + ½·ridge·Σⱼ≥₁cⱼ².
 * One factorization serves all degrees: the first k + 1 columns of R are those of degree k.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number} degree
 * @param {number} ridge
 * @returns {number[][]}
 */
export function fitAll(x, y, degree, ridge) {
  if (ridge === 0 && new Set(x).size <= degree) {
    throw new Error(
      `${new Set(x).size} different x cannot determine ${degree + 1} coefficients; give more ` +
        "samples, a lower degree or a penalty",
    );
  }
  const rows = x.map((value) => legendre(value, degree));
  const targets = [...y];
  if (ridge > 0) {
    // The penalty is one more example a coefficient: √ridge · cⱼ should be 0.
    for (let j = 1; j <= degree; j += 1) {
      rows.push(Array.from({ length: degree + 1 }, (_, k) => (k === j ? Math.sqrt(ridge) : 0)));
      targets.push(0);
    }
  }
  triangularize(rows, targets);
  return Array.from({ length: degree + 1 }, (_, k) => {
    const c = new Array(k + 1).fill(0);
    for (let i = k; i >= 0; i -= 1) {
      let rest = targets[i];
      for (let j = i + 1; j <= k; j += 1) rest -= rows[i][j] * c[j];
      c[i] = rest / rows[i][i];
    }
    return c;
  });
}

/**
 * The polynomial's value.
 * @param {number[]} coefficients
 * @param {number} x
 */
export function valueAt(coefficients, x) {
  const basis = legendre(x, coefficients.length - 1);
  return coefficients.reduce((total, c, k) => total + c * basis[k], 0);
}

/**
 * Σ(ŷ − y)²/n.
 * @param {number[]} coefficients
 * @param {Points} points
 */
export function meanSquaredError(coefficients, { x, y }) {
  const total = x.reduce((sum, value, i) => sum + (valueAt(coefficients, value) - y[i]) ** 2, 0);
  return total / x.length;
}

/**
 * The index of the smallest number, the first of equal ones.
 * @param {number[]} values
 */
export function smallest(values) {
  return values.indexOf(Math.min(...values));
}

/**
 * What the validation errors of all degrees say of one: within `margin` of the smallest it is "good";
 * otherwise it "underfits" below the best degree and "overfits" above it.
 * @param {number} degree
 * @param {number[]} validationErrors
 */
export function verdict(degree, validationErrors, margin = 0.1) {
  const best = smallest(validationErrors);
  if (validationErrors[degree] <= (1 + margin) * validationErrors[best]) return "good";
  return degree < best ? "underfits" : "overfits";
}
