// The controls: native inputs, each named, each bound to one trait of the widget.
// A control reads its trait when the widget redraws and writes it when it is moved.

import { clamp } from "../maths/numbers.js";
import { h, setAttributes } from "./dom.js";
import { significant } from "./format.js";
import { linear, ratios, rungs, wholeRatios, zeroThenRatios } from "./scales.js";

/** @import { Child } from "./dom.js" */
/** @import { Bound } from "./define.js" */
/** @import { Scale } from "./scales.js" */

/**
 * The scales by name; a slider over a list of values has `values` instead of a name.
 * @type {Record<"linear" | "log" | "zero, then log",
 *   (low: number, high: number, step?: number | "any") => Scale>}
 */
const SCALES = {
  linear,
  log: (low, high, step) => (step === 1 ? wholeRatios(low, high) : ratios(low, high)),
  "zero, then log": zeroThenRatios,
};

/**
 * The trait may hold a value between two positions (set from Python or a link): the thumb then stands
 * at the nearest.
 * @param {Bound} ui
 * @param {object} options
 * @param {string} options.trait
 * @param {Child} options.label
 * @param {keyof typeof SCALES} [options.scale]
 * @param {number} [options.min] the trait's own bound, unless it is given
 * @param {number} [options.max]
 * @param {number | "any"} [options.step] of a linear scale
 * @param {() => number[]} [options.values] what can be chosen, instead of a scale
 * @param {(value: number) => string} [options.format]
 * @param {string} [options.hint]
 */
export function slider(ui, options) {
  const { trait, label, hint, format = significant, scale = "linear", values } = options;
  const id = ui.id(trait);
  const form = ui.forms[trait];
  const {
    min = form?.low,
    max = form?.high,
    step = form?.kind === "whole" ? 1 : undefined,
  } = options;
  /** @type {() => Scale} */
  const scaleNow = values ? () => rungs(values()) : () => own;
  const own = SCALES[scale](min, max, step);
  const output = h("output", { for: id, class: "iml-value" });
  const input = h("input", {
    type: "range",
    id,
    oninput: () => ui.set({ [trait]: scaleNow().toValue(Number(input.value)) }),
  });
  ui.onRedraw(() => {
    const at = scaleNow();
    setAttributes(input, { min: at.least, max: at.most, step: at.step });
    const value = ui.get(trait);
    // A position that already means this value stays where the reader's thumb is.
    if (at.toValue(Number(input.value)) !== value) input.value = String(at.toPosition(value));
    output.textContent = format(value);
    setAttributes(input, { "aria-valuetext": format(value), value: input.value });
    const filled = (100 * (Number(input.value) - at.least)) / Math.max(1e-9, at.most - at.least);
    input.style.setProperty("--filled", `${filled}%`);
  });
  return h(
    "div",
    { class: "iml-control iml-slider", title: hint },
    h("label", { for: id }, label),
    input,
    output,
  );
}

/**
 * A small whole number with − and +.
 * @param {Bound} ui
 * @param {object} options
 * @param {string} options.trait
 * @param {string} options.label
 * @param {number | (() => number)} [options.min] the trait's own bound, unless it is given
 * @param {number | (() => number)} [options.max]
 * @param {number} [options.step]
 * @param {string} [options.hint]
 */
export function stepper(ui, { trait, label, min, max, step = 1, hint }) {
  const id = ui.id(trait);
  const form = ui.forms[trait];
  const bounds = () => [
    typeof min === "function" ? min() : (min ?? form.low),
    typeof max === "function" ? max() : (max ?? form.high),
  ];
  const write = (/** @type {number} */ value) => {
    const [low, high] = bounds();
    if (Number.isFinite(value)) ui.set({ [trait]: clamp(Math.round(value), low, high) });
  };
  const input = h("input", {
    type: "number",
    id,
    step,
    inputmode: "numeric",
    onchange: () => {
      write(input.value === "" ? Number.NaN : Number(input.value));
      input.value = String(ui.get(trait));
    },
  });
  const nudge = (/** @type {number} */ sign, /** @type {string} */ name) =>
    h("button", {
      type: "button",
      "aria-label": `${name} ${label}`,
      onclick: () => write(ui.get(trait) + sign * step),
    });
  const less = nudge(-1, "Decrease");
  const more = nudge(1, "Increase");
  less.textContent = "−";
  more.textContent = "+";
  ui.onRedraw(() => {
    const [low, high] = bounds();
    const value = ui.get(trait);
    input.value = String(value);
    input.setAttribute("value", String(value));
    input.setAttribute("min", low);
    input.setAttribute("max", high);
    // aria-disabled rather than disabled: focus stays where it is when the end is reached.
    less.setAttribute("aria-disabled", String(value <= low));
    more.setAttribute("aria-disabled", String(value >= high));
  });
  return h(
    "div",
    { class: "iml-control iml-stepper", title: hint },
    h("label", { for: id }, label),
    h("span", { class: "iml-steps" }, less, input, more),
  );
}

/** @typedef {string | number | [value: unknown, label: string]} Option */

/**
 * @param {Option} option
 * @returns {[value: unknown, label: string]}
 */
function labelOf(option) {
  return Array.isArray(option) ? option : [option, String(option)];
}

/**
 * A strip of radio buttons.
 * @param {Bound} ui
 * @param {object} options
 * @param {string} options.trait
 * @param {string} options.label
 * @param {Option[]} options.options
 * @param {() => boolean} [options.disabled]
 */
export function choice(ui, { trait, label, options, disabled }) {
  const name = ui.id(trait);
  const inputs = options.map(labelOf).map(([value, text], index) => {
    const id = `${name}-${index}`;
    const input = h("input", {
      type: "radio",
      name,
      id,
      value: String(value),
      onchange: () => ui.set({ [trait]: value }),
    });
    ui.onRedraw(() => {
      input.checked = ui.get(trait) === value;
      if (input.checked) input.setAttribute("checked", "");
      else input.removeAttribute("checked");
    });
    return [input, h("label", { for: id }, text)];
  });
  const node = h(
    "fieldset",
    { class: "iml-control iml-choice" },
    h("legend", {}, label),
    h("span", { class: "iml-strip" }, inputs.flat()),
  );
  if (disabled) ui.onRedraw(() => node.toggleAttribute("disabled", disabled()));
  return node;
}

/**
 * A native menu, for more options than a strip can hold.
 * @param {Bound} ui
 * @param {object} options
 * @param {string} options.trait
 * @param {string} options.label
 * @param {Option[]} options.options
 * @param {unknown[]} [options.shown] values that can be shown, but not chosen
 */
export function select(ui, { trait, label, options, shown = [] }) {
  const id = ui.id(trait);
  const values = options.map(labelOf);
  const input = h(
    "select",
    { id, onchange: () => ui.set({ [trait]: values[input.selectedIndex][0] }) },
    values.map(([value, text]) =>
      h("option", { value: String(value), disabled: shown.includes(value) }, text),
    ),
  );
  ui.onRedraw(() => {
    const chosen = values.findIndex(([value]) => value === ui.get(trait));
    for (const [index, option] of [...input.children].entries()) {
      if (index === chosen) option.setAttribute("selected", "");
      else option.removeAttribute("selected");
    }
    input.selectedIndex = chosen;
  });
  return h("div", { class: "iml-control iml-select" }, h("label", { for: id }, label), input);
}

/**
 * A switch.
 * @param {Bound} ui
 * @param {{ trait: string, label: Child, hint?: string }} options
 */
export function toggle(ui, { trait, label, hint }) {
  const id = ui.id(trait);
  const input = h("input", {
    type: "checkbox",
    role: "switch",
    id,
    onchange: () => ui.set({ [trait]: input.checked }),
  });
  ui.onRedraw(() => {
    input.checked = Boolean(ui.get(trait));
    if (input.checked) input.setAttribute("checked", "");
    else input.removeAttribute("checked");
  });
  return h(
    "div",
    { class: "iml-control iml-toggle", title: hint },
    input,
    h("label", { for: id }, label),
  );
}

/**
 * @param {Bound} ui
 * @param {object} options
 * @param {string} options.label
 * @param {() => void} options.onpress
 * @param {() => boolean} [options.pressed]
 * @param {() => boolean | undefined} [options.disabled]
 * @param {boolean} [options.quiet]
 * @param {string | null} [options.name] where the label alone would not say enough
 */
export function button(ui, { label, onpress, pressed, disabled, quiet = false, name = null }) {
  const node = h(
    "button",
    {
      type: "button",
      class: quiet ? "iml-button iml-quiet" : "iml-button",
      "aria-label": name,
      onclick: () => {
        if (node.getAttribute("aria-disabled") !== "true") onpress();
      },
    },
    label,
  );
  if (pressed) ui.onRedraw(() => node.setAttribute("aria-pressed", String(pressed())));
  if (disabled) ui.onRedraw(() => node.setAttribute("aria-disabled", String(disabled())));
  return node;
}

/**
 * Back, play or pause, forward, and a scrubber.
 * @param {Bound} ui
 * @param {{ trait: string, last: () => number, label: string, interval?: number }} options
 */
export function player(ui, { trait, last, label, interval = 400 }) {
  const id = ui.id(trait);
  /** @type {ReturnType<typeof setInterval> | null} */
  let timer = null;
  const pause = () => {
    clearInterval(timer ?? undefined);
    timer = null;
    ui.redraw();
  };
  const go = (/** @type {number} */ step) => ui.set({ [trait]: clamp(step, 0, last()) });
  const play = () => {
    if (ui.get(trait) >= last()) go(0);
    timer = setInterval(() => {
      go(ui.get(trait) + 1);
      if (ui.get(trait) >= last()) pause();
    }, interval);
    ui.redraw();
  };
  ui.onRemove(() => clearInterval(timer ?? undefined));
  const back = button(ui, {
    label: "‹",
    name: `Step back: ${label}`,
    onpress: () => go(ui.get(trait) - 1),
    disabled: () => ui.get(trait) <= 0,
  });
  const forward = button(ui, {
    label: "›",
    name: `Step forward: ${label}`,
    onpress: () => go(ui.get(trait) + 1),
    disabled: () => ui.get(trait) >= last(),
  });
  const start = button(ui, { label: "Play", onpress: () => (timer === null ? play() : pause()) });
  start.classList.add("iml-play");
  const input = h("input", {
    type: "range",
    id,
    min: 0,
    step: 1,
    oninput: () => go(Number(input.value)),
  });
  const output = h("output", { for: id, class: "iml-value" });
  ui.onRedraw(() => {
    const [value, end] = [Math.min(ui.get(trait), last()), last()];
    input.setAttribute("max", String(end));
    input.value = String(value);
    input.setAttribute("value", String(value));
    input.setAttribute("aria-valuetext", `${value} of ${end}`);
    input.style.setProperty("--filled", `${end ? (100 * value) / end : 0}%`);
    output.textContent = `${value}/${end}`;
    start.textContent = timer === null ? "Play" : "Pause";
  });
  return h(
    "div",
    { class: "iml-control iml-player" },
    h("label", { for: id }, label),
    h("span", { class: "iml-steps" }, back, start, forward),
    input,
    output,
  );
}

/**
 * Controls that most readers can do without at first: a line that opens to them.
 * @param {string} label
 * @param {Child[]} controls
 */
export function fold(label, ...controls) {
  return h(
    "details",
    { class: "iml-fold" },
    h("summary", {}, label),
    h("div", { class: "iml-folded" }, controls),
  );
}
