// All that the figure computes, without the page: the picture, the three rules, the network.

import { forward, unpack } from "./network.js";
import { fromText, prepared } from "./picture.js";

export { softmax } from "../maths/softmax.js";
export * from "./network.js";
export * from "./picture.js";
export * from "./rules.js";

/**
 * The ten outputs for each of several drawings given as text: the whole way at once.
 * @param {{ layers: import("./network.js").PackedLayer[] }} packed
 * @param {string[]} texts
 */
export function logits(packed, texts, scaled = true) {
  const layers = unpack(packed);
  return texts.map((text) => forward(layers, prepared(fromText(text), scaled)));
}
