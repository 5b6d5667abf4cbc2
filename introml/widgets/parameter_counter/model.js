// A network of fully connected layers: the shapes of its weights, of what flows, and its parameters.
// `widths` has the number of inputs, then the neurons of each layer.

import { sum } from "../maths/numbers.js";

/**
 * One layer, as `nn.Linear` holds it: a row of weights and a bias for each of its neurons.
 * @typedef {object} Layer
 * @property {[number, number]} weight
 * @property {[number]} bias
 * @property {number} weights how many
 * @property {number} biases
 * @property {number} parameters
 * @property {[number, number]} input the shape of what a batch brings
 * @property {[number, number]} output
 * @property {boolean} bends whether a ReLU follows: after every layer but the last
 */

/**
 * @param {number[]} widths
 * @param {number} batch
 * @returns {Layer[]}
 */
export function layersOf(widths, batch) {
  return widths.slice(1).map((outputs, i) => {
    const inputs = widths[i];
    return {
      weight: [outputs, inputs],
      bias: [outputs],
      weights: outputs * inputs,
      biases: outputs,
      parameters: outputs * inputs + outputs,
      input: [batch, inputs],
      output: [batch, outputs],
      bends: i < widths.length - 2,
    };
  });
}

/**
 * All weights, all biases, and both together.
 * @param {number[]} widths
 */
export function totals(widths) {
  const layers = layersOf(widths, 1);
  const [weights, biases] = [
    sum(layers.map((layer) => layer.weights)),
    sum(layers.map((layer) => layer.biases)),
  ];
  return { weights, biases, parameters: weights + biases };
}

/**
 * The network in PyTorch, one module an entry.
 * @param {number[]} widths
 */
export function modules(widths) {
  return layersOf(widths, 1).flatMap(({ weight: [outputs, inputs], bends }) => [
    `nn.Linear(${inputs}, ${outputs})`,
    ...(bends ? ["nn.ReLU()"] : []),
  ]);
}

/**
 * As Python writes it: (4, 2), and (2,) with its comma.
 * @param {number[]} shape
 */
export function written(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/**
 * Which neurons of a layer are drawn in `most` places: all of them, or the first ones, null for those
 * left out, and the last two.
 * @param {number} width
 * @param {number} most
 * @returns {(number | null)[]}
 */
export function drawnNeurons(width, most) {
  const all = Array.from({ length: Math.min(width, most) }, (_, i) => i);
  if (width <= most) return all;
  return [...all.slice(0, most - 3), null, width - 2, width - 1];
}

/**
 * The widths with another hidden layer before the outputs, as wide as the one before it, or 4 wide.
 * @param {number[]} widths
 */
export function deeper(widths) {
  const before = widths.length > 2 ? (widths.at(-2) ?? 4) : 4;
  return widths.toSpliced(-1, 0, before);
}

/**
 * The widths without the last hidden layer.
 * @param {number[]} widths
 */
export function shallower(widths) {
  return widths.length > 2 ? widths.toSpliced(-2, 1) : widths;
}
