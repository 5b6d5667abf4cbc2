// Everything that the widget computes and says, without a DOM.

export { resized } from "../maths/matrix.js";
export * from "../maths/short.js";
export * from "./arithmetic.js";
export * from "./presets.js";
export * from "./wording.js";
