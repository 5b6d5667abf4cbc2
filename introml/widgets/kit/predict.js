// A question to be answered before the slider is moved: the reader commits to a guess, then checks.

import { h } from "./dom.js";

/**
 * predict(ui, { question, options: [text, …], answer: () => index, explain: (chosen) => text })
 * Where the sentence below the picture would give the answer away, `spoilt`, it waits for the guess.
 * @param {import("./define.js").Ui} ui
 * @param {{ question: string, options: string[], answer: () => number,
 *   explain: (chosen: number) => string, spoilt?: boolean }} asked
 */
export function predict(ui, { question, options, answer, explain, spoilt = false }) {
  ui.withhold(spoilt);
  const name = ui.id("guess");
  const result = h("p", { class: "iml-verdict", role: "status" });
  const radios = options.map((text, index) => {
    const input = h("input", {
      type: "radio",
      name,
      id: `${name}-${index}`,
      value: String(index),
      onchange: () => {
        ui.withhold(false);
        const right = answer() === index;
        // The guess is named, so that the reply to another one is seen to be another.
        result.textContent = `${text}: ${right ? "yes." : "not quite."} ${explain(index)}`;
        result.classList.toggle("iml-right", right);
      },
    });
    return h("span", {}, input, h("label", { for: `${name}-${index}` }, text));
  });
  return h(
    "fieldset",
    { class: "iml-predict" },
    h("legend", {}, h("strong", {}, "Before you move anything: "), question),
    h("div", { class: "iml-options" }, radios),
    result,
  );
}
