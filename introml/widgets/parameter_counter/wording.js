// What the figure says, and the names in it.

import { thousands } from "../kit/index.js";
import * as model from "./model.js";

const LOWERED = "₀₁₂₃₄₅₆₇₈₉";

/** @param {number} number of one digit */
export const lowered = (number) => LOWERED[number];

/**
 * Above its width: "Inputs", "Hidden 1", "Outputs".
 * @param {number} at
 * @param {number} many
 */
export function columnName(at, many) {
  if (at === 0) return "Inputs";
  if (at === many - 1) return "Outputs";
  return many === 3 ? "Hidden" : `Hidden ${at}`;
}

/**
 * What flows there: x, h or h₁, h₂, …, and o.
 * @param {number} at
 * @param {number} many
 */
export function symbol(at, many) {
  if (at === 0) return "x";
  if (at === many - 1) return "o";
  return many === 3 ? "h" : `h${lowered(at)}`;
}

/**
 * 1 example, 4 examples.
 * @param {number} number
 * @param {string} one
 * @param {string} [more]
 */
const count = (number, one, more = `${one}s`) =>
  `${thousands(number)} ${number === 1 ? one : more}`;

/**
 * The sentence below the picture.
 * @param {number[]} widths
 * @param {number} batch
 * @param {number} layer how far the batch is followed
 */
export function describe(widths, batch, layer) {
  const layers = model.layersOf(widths, batch);
  if (layer === 0) {
    const { weights, biases, parameters } = model.totals(widths);
    return (
      `${count(parameters, "parameter")}: ${count(weights, "weight")}, one for each arrow, and ` +
      `${count(biases, "bias", "biases")}, one for each neuron that arrows lead to. A batch of ` +
      `${count(batch, "example")} goes in with the shape ${model.written(layers[0].input)} and comes out ` +
      `with ${model.written(layers[layers.length - 1].output)}.`
    );
  }
  const { weight, parameters, input, output, bends } = layers[layer - 1];
  const [outputs, inputs] = weight;
  const product = `${thousands(outputs)} · (${thousands(inputs)} + 1)`;
  return (
    `Layer ${layer} turns ${model.written(input)} into ${model.written(output)}. ` +
    `It has ${count(outputs, "neuron")}, each with ${count(inputs, "weight")} and a bias: ` +
    `${product} = ${count(parameters, "parameter")}. ` +
    (bends ? "A ReLU follows, which changes no shape." : "No ReLU follows: it is the last.")
  );
}
