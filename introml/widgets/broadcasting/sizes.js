// The two shapes, one above the other and aligned from the right, each size with − and +, and the
// sizes of the result below.

import { h } from "../kit/index.js";
import * as model from "./model.js";
import { NAMES, sizeLabel } from "./wording.js";

const STYLE = "iml-broadcasting";
const SLOTS = [2, 1, 0]; // counted from the right, as axes are aligned

/** One size with − and +; an axis that is not there is an empty field. */
function sizeField(ui, trait, slot) {
  const name = sizeLabel(slot, trait.toUpperCase());
  const shape = () => ui.get(trait);
  const size = () => shape().toReversed()[slot] ?? 0;
  /** The first axis may go, unless it is the only one. */
  const least = () => (size() === 0 || (slot > 0 && slot === shape().length - 1) ? 0 : 1);
  const most = ui.forms[trait].high;
  const write = (value) => {
    if (Number.isInteger(value)) ui.set({ [trait]: model.withSize(shape(), slot, value) });
  };
  const input = h("input", {
    type: "number",
    inputmode: "numeric",
    placeholder: "–",
    "aria-label": name,
    max: most,
    onchange: () => {
      write(Number(input.value));
      input.value = String(size() || "");
    },
    onkeydown: (event) => {
      if (event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      write(event.key === "Home" ? least() : most);
    },
  });
  const nudge = (by, verb) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": `${verb} ${name}`,
        onclick: (event) => {
          if (event.currentTarget.getAttribute("aria-disabled") !== "true") write(size() + by);
        },
      },
      by < 0 ? "−" : "+",
    );
  const [less, more] = [nudge(-1, "Fewer"), nudge(1, "More")];
  const redraw = () => {
    input.value = String(size() || "");
    input.setAttribute("value", input.value);
    input.setAttribute("min", String(least()));
    less.setAttribute("aria-disabled", String(size() <= least()));
    more.setAttribute("aria-disabled", String(size() >= most));
  };
  return { node: h("span", { class: "iml-steps" }, less, input, more), redraw };
}

/** The shape as text. */
function textField(ui, trait, say) {
  const id = ui.id(`${trait}-text`);
  const shown = () => model.written(ui.get(trait));
  const input = h("input", {
    type: "text",
    id,
    autocomplete: "off",
    spellcheck: "false",
    size: 8,
    onchange: () => {
      const shape = model.parseShape(input.value);
      say(
        shape
          ? ""
          : `“${input.value.slice(0, 20)}” is no shape that fits here: write one to three sizes from 1 to ` +
              `${ui.forms[trait].high}, such as 2, 3. ${trait.toUpperCase()} stays ${shown()}.`,
      );
      if (shape) ui.set({ [trait]: shape });
      input.value = shown();
    },
  });
  const redraw = () => {
    input.value = shown();
    input.setAttribute("value", shown());
  };
  const node = h(
    "div",
    { class: "iml-control" },
    h("label", { for: id }, `Shape of ${trait.toUpperCase()}`),
    input,
  );
  return { node, redraw };
}

export function sizeTable(ui) {
  const refusal = h("p", { class: `${STYLE}-refusal`, role: "status" });
  const say = (text) => {
    refusal.textContent = text;
  };
  const texts = ["a", "b"].map((trait) => textField(ui, trait, say));
  const fields = ["a", "b"].map((trait) => SLOTS.map((slot) => sizeField(ui, trait, slot)));
  const results = SLOTS.map(() => h("td", {}));
  const row = (name, cells) => h("tr", {}, h("th", { scope: "row" }, name), cells);
  const table = h(
    "table",
    { class: `${STYLE}-sizes` },
    h("caption", { class: "iml-hidden" }, "The sizes of A, B and A + B, aligned from the right"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td", {}),
        SLOTS.map((slot) => h("th", { scope: "col" }, NAMES[slot])),
      ),
    ),
    h(
      "tbody",
      {},
      ...["A", "B"].map((name, i) =>
        row(
          name,
          fields[i].map(({ node }) => h("td", {}, node)),
        ),
      ),
      row("A + B", results),
    ),
  );
  const line = h("div", { class: `${STYLE}-texts` }, ...texts.map(({ node }) => node));
  const node = h("div", { class: `${STYLE}-shapes` }, table, line, refusal);

  function redraw() {
    for (const each of [...texts, ...fields.flat()]) each.redraw();
    const axes = model.alignedAxes(ui.get("a"), ui.get("b")).toReversed();
    for (const [place, slot] of SLOTS.entries()) {
      const axis = axes[slot];
      const wrong = axis !== undefined && axis.size === null;
      results[place].textContent = axis ? String(axis.size ?? `${axis.a} ≠ ${axis.b}`) : "–";
      results[place].classList.toggle(`${STYLE}-wrong`, wrong);
    }
  }
  return { node, redraw };
}
