import { defineWidget, h, predict, thousands } from "../kit/index.js";
import * as model from "./model.js";

const INPUTS = ["a", "b", "c"];

/** How many functions can one table be? */
function question(ui) {
  return predict(ui, {
    question: "how many different functions of three bits can the eight stored bits be?",
    options: ["8", "64", "256"],
    spoilt: true,
    answer: () => 2,
    explain: () =>
      `Each of the eight bits is 0 or 1 by itself, so there are 2⁸ = ${model.functions(3)} tables, and ` +
      "each is another function. Press a stored bit and see.",
  });
}

function build(ui) {
  const answers = () => ui.get("answers");
  const rows = Array.from({ length: 8 }, (_, row) => {
    const bits = [row >> 2, (row >> 1) & 1, row & 1];
    const stored = h("button", {
      type: "button",
      class: "iml-lut-bit",
      onclick: () => ui.set({ answers: answers().map((bit, at) => (at === row ? 1 - bit : bit)) }),
    });
    const line = h(
      "tr",
      {},
      bits.map((bit) => h("td", {}, String(bit))),
      h("td", {}, stored),
    );
    return { bits, stored, line };
  });
  const table = h(
    "table",
    { class: "iml-lut-table" },
    h("caption", { class: "iml-hidden" }, "The stored bit for each combination of the inputs"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        [...INPUTS, "stored"].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map(({ line }) => line),
    ),
  );
  ui.stage(table);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ...INPUTS.map((trait) => ui.choice({ trait, label: trait, options: [0, 1] })),
    h(
      "div",
      { class: "iml-lut-names" },
      h("span", {}, "Write a function into it:"),
      model.NAMES.map((name) =>
        ui.button({
          label: name,
          onpress: () => ui.set({ answers: model.answersOf(name) }),
          pressed: () => model.nameOf(answers()) === name,
        }),
      ),
    ),
  );

  return () => {
    const [a, b, c] = INPUTS.map((name) => ui.get(name));
    const chosen = model.entry(a, b, c);
    rows.forEach(({ bits, stored, line }, row) => {
      stored.textContent = String(answers()[row]);
      stored.setAttribute(
        "aria-label",
        `Stored for ${bits.join(" ")}: ${answers()[row]}. Press to change it`,
      );
      line.classList.toggle("iml-now", row === chosen);
    });
    const name = model.nameOf(answers());
    const meaning = name
      ? ` The table as it stands says “${name}”.`
      : " The table as it stands has no name here.";
    ui.readout(
      `The inputs ${a} ${b} ${c} choose entry ${chosen}, and its bit is the output: ` +
        `${model.output(answers(), a, b, c)}.${meaning} It is one of ${thousands(model.functions(3))}.`,
    );
  };
}

export default defineWidget({
  name: "LookupTable",
  title: "A look-up table of three inputs",
  linked: ["answers", "a", "b", "c"],
  build,
});
