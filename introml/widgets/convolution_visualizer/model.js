// Everything that the widget computes and says, without a DOM.

export * from "./arithmetic.js";
export * from "./presets.js";
export * from "./wording.js";
