export { defineWidget } from "./define.js";
export { h, s, setAttributes } from "./dom.js";
export { dragHandle } from "./drag.js";
export { fixed, percent, powerOfTen, significant, thousands } from "./format.js";
export { legend, picture, plot, pointerPosition, swatchOf } from "./plot.js";
export { predict } from "./predict.js";
