import { defineWidget, h, legend, picture, predict, s } from "../kit/index.js";
import { arrowPath } from "../maths/arrow.js";
import * as model from "./model.js";

const LEFT = 54; // room for the labels
const ROWS = { output: 26, state: 92, input: 158 };
const HEIGHT = 186;

const LABELS = {
  one_to_one: "One to one",
  one_to_many: "One to many",
  many_to_one: "Many to one",
  many_to_many: "Many to many",
  read_then_write: "Read, then write",
};
const TASKS = {
  one_to_one: "A letter comes in, and out goes whether it is a vowel; nothing has to be kept",
  one_to_many: "A digit comes in, and the countdown from it goes out; kept is where it stands",
  many_to_one:
    "Brackets come in, and at the end out goes whether they are balanced; kept is how many are open",
  many_to_many:
    "At each step a digit comes in and the sum so far goes out, which is also what is kept",
  read_then_write:
    "A word comes in, and then it goes out in reverse; kept is all that is not written yet",
};
const FIELDS = {
  one_to_one: "A letter",
  one_to_many: "A digit",
  many_to_one: "Brackets ( )",
  many_to_many: "Digits",
  read_then_write: "A word",
};

/** Which pattern does a translator need? */
function question(ui) {
  return predict(ui, {
    question: "a sentence is translated into another language. Which pattern is that?",
    options: ["Many to one", "Many to many, in step", "Read, then write"],
    answer: () => 2,
    explain: () =>
      "The verb that comes last in one language may be needed first in the other, so the sentence is " +
      "read to its end before the first word is written.",
  });
}

function build(ui) {
  const svg = picture({ width: ui.width, height: HEIGHT, label: "" });
  const pattern = () => ui.get("pattern");
  const steps = () => model.run(pattern(), ui.get("text"));
  const id = ui.id("text");
  const name = h("label", { for: id });
  const note = h("p", { class: "iml-patterns-note", role: "status" });
  const field = h("input", {
    type: "text",
    id,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    maxlength: ui.forms.text?.most,
    onchange: () => {
      const typed = field.value.trim();
      const text = model.readable(pattern(), typed);
      const whole = typed.toLowerCase() === text;
      note.textContent = whole ? "" : `This toy cannot read “${typed}”. It takes “${text}”.`;
      field.value = text;
      ui.set({ text, step: 0 });
    },
  });
  ui.stage(svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.choice({ trait: "pattern", label: "Pattern", options: Object.entries(LABELS) }),
    h("span", { class: "iml-control iml-patterns-text" }, name, field),
    note,
    ui.player({ trait: "step", label: "Step", last: () => steps().length, interval: 800 }),
    legend([
      ["training", "comes in"],
      ["reference", "is kept"],
      ["prediction", "goes out"],
    ]),
  );

  /** The pattern of the last drawing: another begins with its own example. */
  let drawn = pattern();
  return () => {
    if (pattern() !== drawn) {
      drawn = pattern();
      note.textContent = "";
      ui.set({ text: model.exampleOf(drawn), step: 0 });
      return;
    }
    const all = steps();
    const done = Math.min(ui.get("step"), all.length);
    field.value = model.readable(pattern(), ui.get("text"));
    name.textContent = FIELDS[pattern()];
    const wide = Math.min(84, (ui.width - LEFT) / all.length);
    const longest = Math.max(3, ...all.map(({ state }) => state.length));
    const size = Math.max(7, Math.min(14, (1.5 * (wide - 4)) / longest));
    /** @type {SVGElement[]} */
    const nodes = [
      s("text", { x: 0, y: ROWS.output + 5 }, "out"),
      s("text", { x: 0, y: ROWS.state + 5 }, "kept"),
      s("text", { x: 0, y: ROWS.input + 5 }, "in"),
    ];
    const box = Math.min(62, wide - 6);
    const put = (row, color, x, text, seen) => {
      nodes.push(
        s("rect", {
          x: (x - box / 2).toFixed(1),
          y: row - 16,
          width: box.toFixed(1),
          height: 32,
          rx: 5,
          class: "iml-patterns-box",
          opacity: seen ? 1 : 0.35,
          style: { stroke: `var(--iml-${color})` },
        }),
      );
      if (seen) {
        const fits = Math.min(14, Math.max(size, (1.5 * (box - 2)) / Math.max(3, text.length)));
        nodes.push(
          s(
            "text",
            {
              x: x.toFixed(1),
              y: row + 5,
              "text-anchor": "middle",
              style: { "font-size": `${Math.max(7, fits).toFixed(1)}px` },
            },
            text,
          ),
        );
      }
    };
    const arrow = (x1, y1, x2, y2, seen) =>
      nodes.push(
        s("path", {
          d: arrowPath(x1, y1, x2, y2),
          class: "iml-patterns-arrow",
          opacity: seen ? 1 : 0.35,
        }),
      );
    const keeps = pattern() !== "one_to_one";
    all.forEach((step, t) => {
      const x = LEFT + (t + 0.5) * wide;
      const seen = t < done;
      const middle = keeps ? step.state || "nothing" : "rule";
      if (step.input) {
        put(ROWS.input, "training", x, step.input, seen);
        arrow(x, ROWS.input - 18, x, ROWS.state + 19, seen);
      }
      put(ROWS.state, "reference", x, middle, seen);
      if (step.output) {
        put(ROWS.output, "prediction", x, step.output, seen);
        arrow(x, ROWS.state - 18, x, ROWS.output + 19, seen);
      }
      if (t > 0) arrow(x - wide + box / 2, ROWS.state, x - box / 2 - 1, ROWS.state, seen);
    });
    svg.setAttribute("aria-label", `${LABELS[pattern()]}: ${all.length} steps, ${done} done`);
    svg.replaceChildren(...nodes);
    const outputs = all.slice(0, done).flatMap(({ output }) => output || []);
    const now = done > 0 ? all[done - 1] : null;
    const kept = now && keeps ? `; kept is ${now.state || "nothing"}` : "";
    ui.readout(
      `${TASKS[pattern()]}. Step ${done} of ${all.length}${kept}. ` +
        (outputs.length ? `Out so far: ${outputs.join(", ")}.` : "Nothing has gone out yet."),
    );
  };
}

export default defineWidget({
  name: "SequencePatterns",
  title: "Patterns of inputs and outputs",
  linked: ["pattern", "text", "step"],
  build,
});
