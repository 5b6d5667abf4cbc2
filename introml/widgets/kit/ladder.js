// A slider over a list of values that are not evenly spaced, such as the batch sizes 1, 2, 3, 4, 6, 8, …

import { h } from "./dom.js";

/** The place of the entry that is nearest to `value` in ratio; both must be positive. */
export function nearest(values, value) {
  const off = (entry) => Math.abs(Math.log(entry / value));
  return values.reduce((best, entry, i) => (off(entry) < off(values[best]) ? i : best), 0);
}

/** 1, 2, 3, 4, 6, 8, 12, …, up to and with `last`: each at most 1.5 times (at the start, 2) the one before. */
export function doublings(last) {
  const found = [];
  for (let power = 1; power < last; power *= 2) {
    found.push(power);
    if (power > 1 && 1.5 * power < last) found.push(1.5 * power);
  }
  return [...found, last];
}

/**
 * ladder(ui, { trait, label, values: () => [1, 2, …], format, hint }). The trait may hold a value
 * between two rungs (set from Python or a link): the thumb then stands at the nearest.
 */
export function ladder(ui, { trait, label, values, format = String, hint }) {
  const id = ui.id(trait);
  const output = h("output", { for: id, class: "iml-value" });
  const input = h("input", {
    type: "range",
    id,
    min: 0,
    step: 1,
    oninput: () => ui.set({ [trait]: values()[Number(input.value)] }),
  });
  ui.onRedraw(() => {
    const rungs = values();
    const at = nearest(rungs, ui.get(trait));
    const text = format(ui.get(trait));
    input.setAttribute("max", rungs.length - 1);
    input.value = String(at);
    input.setAttribute("value", String(at));
    input.setAttribute("aria-valuetext", text);
    input.style.setProperty("--filled", `${(100 * at) / Math.max(1, rungs.length - 1)}%`);
    output.textContent = text;
  });
  return h(
    "div",
    { class: "iml-control iml-slider", title: hint },
    h("label", { for: id }, label),
    input,
    output,
  );
}
