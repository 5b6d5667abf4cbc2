// Four losses of two parameters, each 0 at its lowest point, so that one learning rate is of use on
// all: the steepest curvature that a runner meets is about 25.

/** @import { Pair } from "../maths/symmetric.js" */
/**
 * @typedef {object} Landscape
 * @property {string} formula
 * @property {(x: number, y: number) => number} loss
 * @property {(x: number, y: number) => Pair} gradient
 * @property {Pair[]} lowest where the loss is 0
 * @property {Pair} start where the runners begin, unless the reader moves it
 * @property {Pair} centre of the map
 * @property {Pair} half half of what the map must show along each axis
 * @property {number} top the loss of the highest contour
 */

/** The curvatures of the valley, along it and across. */
export const CURVATURES = [0.25, 25];

// Half of Styblinski and Tang's x⁴ − 16x² + 5x is lowest at the least root of 4x³ − 32x + 5.
const DEEP = -2.903534027771177;
const one = (/** @type {number} */ x) => x ** 4 - 16 * x ** 2 + 5 * x;
const FLOOR = one(DEEP);

/** @type {Record<string, Landscape>} */
export const LANDSCAPES = {
  valley: {
    formula: "⅛θ₁² + 12.5θ₂²",
    loss: (x, y) => (CURVATURES[0] * x * x + CURVATURES[1] * y * y) / 2,
    gradient: (x, y) => [CURVATURES[0] * x, CURVATURES[1] * y],
    lowest: [[0, 0]],
    start: [-2.4, 0.6],
    centre: [0, 0],
    half: [3, 1.2],
    top: 18,
  },
  rosenbrock: {
    formula: "¼(1 − θ₁)² + 2.5(θ₂ − θ₁²)²",
    loss: (x, y) => (1 - x) ** 2 / 4 + 2.5 * (y - x * x) ** 2,
    gradient: (x, y) => [(x - 1) / 2 - 10 * x * (y - x * x), 5 * (y - x * x)],
    lowest: [[1, 1]],
    start: [-1.3, 1.9],
    centre: [0, 0.9],
    half: [1.9, 1.6],
    top: 9,
  },
  saddle: {
    formula: "2θ₁² + ½(θ₂² − 1)²",
    loss: (x, y) => 2 * x * x + (y * y - 1) ** 2 / 2,
    gradient: (x, y) => [4 * x, 2 * y * (y * y - 1)],
    lowest: [
      [0, 1],
      [0, -1],
    ],
    start: [-1.4, 0.02],
    centre: [0, 0],
    half: [1.8, 1.6],
    top: 5,
  },
  minima: {
    formula: "⅛Σ(θᵢ⁴ − 16θᵢ² + 5θᵢ) + 19.6",
    loss: (x, y) => (one(x) + one(y) - 2 * FLOOR) / 8,
    gradient: (x, y) => [(4 * x ** 3 - 32 * x + 5) / 8, (4 * y ** 3 - 32 * y + 5) / 8],
    lowest: [[DEEP, DEEP]],
    start: [4, 3.4],
    centre: [0, 0],
    half: [4.5, 4.5],
    top: 34,
  },
};

/**
 * The landscape with its map turned about the origin, counter-clockwise by so many degrees.
 * @param {Landscape} landscape
 * @param {number} degrees
 * @returns {Landscape}
 */
export function turned(landscape, degrees) {
  if (degrees === 0) return landscape;
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return {
    ...landscape,
    loss: (x, y) => landscape.loss(c * x + s * y, c * y - s * x),
    gradient: (x, y) => {
      const [p, q] = landscape.gradient(c * x + s * y, c * y - s * x);
      return [c * p - s * q, s * p + c * q];
    },
    lowest: landscape.lowest.map(([x, y]) => [c * x - s * y, s * x + c * y]),
  };
}
