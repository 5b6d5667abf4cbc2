// A slider whose left end is zero and whose other positions have equal ratios: for a penalty or a
// rate that may be off.

import { h } from "./dom.js";
import { significant } from "./format.js";

const POSITIONS = 100;

/** Positions 0 … 100 <-> 0, then `min` to `max` in equal ratios. */
export function zeroOrRatio(min, max) {
  const ratio = Math.log(max / min);
  return {
    toValue: (position) =>
      Number(position) === 0
        ? 0
        : Number((min * Math.exp((ratio * (position - 1)) / (POSITIONS - 1))).toPrecision(3)),
    toPosition: (value) =>
      value <= 0
        ? 0
        : 1 + Math.round(((POSITIONS - 1) * Math.log(Math.max(value, min) / min)) / ratio),
  };
}

/** sliderFromZero(ui, { trait, label, min, max, format, hint }) */
export function sliderFromZero(ui, { trait, label, min, max, format = significant, hint }) {
  const id = ui.id(trait);
  const at = zeroOrRatio(min, max);
  const output = h("output", { for: id, class: "iml-value" });
  const input = h("input", {
    type: "range",
    id,
    min: 0,
    max: POSITIONS,
    step: 1,
    oninput: () => ui.set({ [trait]: at.toValue(input.value) }),
  });
  ui.onRedraw(() => {
    const value = ui.get(trait);
    if (at.toValue(input.value) !== value) input.value = String(at.toPosition(value));
    output.textContent = format(value);
    input.setAttribute("aria-valuetext", format(value));
    input.setAttribute("value", input.value);
    input.style.setProperty("--filled", `${input.value}%`);
  });
  return h(
    "div",
    { class: "iml-control iml-slider", title: hint },
    h("label", { for: id }, label),
    input,
    output,
  );
}
