// The controls of the visualizer: examples, mode, a table of settings per axis, presets, the player.

import { fold, player, select, stepper, toggle } from "../kit/controls.js";
import { h, legend, predict } from "../kit/index.js";
import * as model from "./model.js";

const STYLE = "iml-convolution-visualizer";
const AXES = ["down ↓", "across →"];

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The ui as a control sees it: `fields` names values that are no traits, each { get, set }. */
function lens(ui, fields) {
  return {
    ...ui,
    get: (name) => fields[name].get(),
    set(changes) {
      for (const [name, value] of Object.entries(changes)) fields[name].set(value);
    },
  };
}

/** One row for each axis, one column for each of the named settings (turned where it is narrow). */
function settingsTable(ui, mode, names) {
  const pair = (trait) => (axis) => ({
    get: () => ui.get(trait)[axis],
    set: (value) => ui.set({ [trait]: ui.get(trait).with(axis, value) }),
  });
  const size = (trait) => (axis) => ({
    get: () => (axis ? ui.get(trait)[0].length : ui.get(trait).length),
    set(value) {
      const matrix = ui.get(trait);
      const [rows, columns] = [matrix.length, matrix[0].length].with(axis, value);
      ui.set({ [trait]: model.resized(matrix, rows, columns) });
    },
  });
  const pooling = () => mode() === "max" || mode() === "average";
  /** @type {[string, string, typeof size | typeof pair, () => boolean][]} */
  const settings = [
    ["Input", "input", size, () => true],
    ["Kernel", "kernel", size, () => !pooling()],
    ["Window", "window", pair, pooling],
    ["Padding", "padding", pair, () => true],
    ["Stride", "stride", pair, () => true],
    ["Dilation", "dilation", pair, () => mode() !== "average"],
    ["Added", "output_padding", pair, () => mode() === "transposed"],
  ];
  const named = settings.filter(([name]) => names.includes(name));
  const cells = named.map(([name, trait, field, shown]) => {
    const form = ui.forms[trait];
    const [min, max] = field === size ? [form.least, form.most] : [form.low, form.high];
    const steppers = AXES.map((axis, i) => {
      const key = `${name.toLowerCase()}-${i}`;
      const label = `${name}, ${axis.split(" ")[0]}`;
      return stepper(lens(ui, { [key]: field(trait)(i) }), { trait: key, label, min, max });
    });
    const node = h("div", { class: `${STYLE}-setting` }, h("span", {}, name), steppers);
    ui.onRedraw(() => {
      node.hidden = !shown();
    });
    return node;
  });
  const heads = h(
    "div",
    { class: `${STYLE}-setting ${STYLE}-axes`, "aria-hidden": "true" },
    h("span", {}),
    AXES.map((axis) => h("span", {}, axis)),
  );
  const table = h("div", { class: `${STYLE}-settings` }, heads, cells);
  ui.onRedraw(() => {
    table.hidden = cells.every((cell) => cell.hidden);
  });
  return table;
}

/** A menu of named matrices for a trait; what the reader has changed is "your own". */
function matrixMenu(ui, trait, label, named) {
  const own = "your own";
  const field = {
    get: () => Object.keys(named).find((name) => same(named[name], ui.get(trait))) ?? own,
    set: (name) => ui.set({ [trait]: named[name] }),
  };
  const key = `${trait}-preset`;
  return select(lens(ui, { [key]: field }), {
    trait: key,
    label,
    options: [...Object.keys(named), own],
    shown: [own],
  });
}

/** Steps through the output in reading order; shows row and column where the kit shows a count. */
function cellPlayer(ui, size, selected) {
  const field = {
    get: () => selected()[0] * size()[1] + selected()[1],
    set: (at) => ui.set({ cell: [Math.floor(at / size()[1]), at % size()[1]] }),
  };
  const node = player(lens(ui, { "output-cell": field }), {
    trait: "output-cell",
    label: "Output cell",
    last: () => size()[0] * size()[1] - 1,
    interval: 700,
  });
  const [input, shown] = [node.querySelector("input"), node.querySelector("output")];
  ui.onRedraw(() => {
    const [row, column] = selected();
    if (!input || !shown) return;
    shown.textContent = `(${row}, ${column})`;
    input.setAttribute("aria-valuetext", `row ${row}, column ${column}`);
  });
  return node;
}

const QUESTIONS = {
  middle: {
    question:
      "the 4 in the middle of the input becomes 14. How many of the four output numbers change?",
    options: ["one", "three", "all four"],
    answer: 1,
    explain:
      "The window covers the middle at all four places, but at the last one the weight that lies on it is 0. Click the 4 and type 14 to see it.",
  },
  stride: {
    question:
      "the window moves one cell at a time, and fits 4 times across the 5 columns. If it moves two cells at a time, how often does it fit?",
    options: ["not at all: 2 does not divide", "twice", "three times"],
    answer: 1,
    explain:
      "It starts at column 0 and at column 2. From column 4 it would reach over the edge, so the fifth column, here padding, is never read. Set the stride across to 2 to see it.",
  },
  winner: {
    question: "the 3 in the first row of the input becomes a 5. What happens to the output?",
    options: ["nothing", "one number grows", "all four change"],
    answer: 0,
    explain:
      "The largest number of its window is still the 6. Click the 3 and type 5, then 7: now it is the largest, and the output changes.",
  },
};

function examples(ui) {
  const buttons = Object.entries(model.EXAMPLES).map(([label, setting]) =>
    ui.button({
      label,
      onpress: () => ui.set(setting),
      pressed: () =>
        Object.entries(setting).every(
          ([name, value]) => name === "cell" || same(ui.get(name), value),
        ),
    }),
  );
  return h(
    "div",
    { class: `${STYLE}-examples`, role: "group", "aria-label": "Examples" },
    h("span", {}, "Examples"),
    buttons,
  );
}

/** What is folded away, by what stands open. */
const FOLDED = {
  kernel: "Padding, stride, dilation, pooling",
  border: "Sizes, values, pooling",
  pooling: "Sizes, values, padding, convolution",
};

/**
 * Puts all controls into the widget. size() and selected() tell of the output as it is drawn; sizes is
 * the text of the size formula, which stands by its settings.
 */
export function addControls(ui, { size, selected, sizes }) {
  const mode = () => ui.get("mode");
  const onlyIn = (modes, node) => {
    ui.onRedraw(() => {
      node.hidden = !modes.includes(mode());
    });
    return node;
  };
  const asked = QUESTIONS[ui.get("question")];
  if (asked) {
    ui.controls(
      predict(ui, { ...asked, answer: () => asked.answer, explain: () => asked.explain }),
    );
  }
  const open = ui.get("controls");
  const modes = [
    ui.choice({
      trait: "mode",
      label: "Mode",
      options: [
        ["convolution", "convolution"],
        ["transposed", "transposed"],
        ["max", "max pool"],
        ["average", "average pool"],
      ],
    }),
    onlyIn(["max", "average"], toggle(ui, { trait: "ceil_mode", label: "ceil_mode" })),
    onlyIn(["average"], toggle(ui, { trait: "count_include_pad", label: "count_include_pad" })),
  ];
  const pools = open === "pooling";
  const window = settingsTable(ui, mode, pools ? ["Window", "Stride"] : ["Window"]);
  const grids = settingsTable(ui, mode, ["Input", "Kernel"]);
  const rest = ["Padding", "Dilation", "Added"];
  const border = [
    settingsTable(ui, mode, pools ? rest : ["Stride", ...rest]),
    sizes,
    onlyIn(
      ["convolution"],
      ui.choice({
        trait: "padding_mode",
        label: "Padding with",
        options: ["zeros", "reflect", "replicate", "circular"],
        disabled: () => ui.get("padding").every((cells) => cells === 0),
      }),
    ),
  ];
  const kernel = [
    matrixMenu(ui, "input", "Input values", model.INPUTS),
    onlyIn(["convolution", "transposed"], matrixMenu(ui, "kernel", "Kernel values", model.KERNELS)),
    onlyIn(["convolution"], toggle(ui, { trait: "flip", label: "turn the kernel by 180°" })),
  ];
  const presets = examples(ui);
  const parts = {
    kernel: [kernel, [presets, ...modes, window, grids, ...border]],
    border: [border, [presets, ...modes, window, grids, ...kernel]],
    pooling: [
      [modes[0], window],
      [...modes.slice(1), ...border, presets, ...kernel, grids],
    ],
    all: [[presets, ...modes, window, grids, ...border, ...kernel], []],
  };
  const [shown, folded] = parts[open];
  ui.controls(
    cellPlayer(ui, size, selected),
    ...shown,
    ...(folded.length ? [fold(FOLDED[open], ...folded)] : []),
    legend([
      ["accent", "read by the selected output cell"],
      ["muted", "padding", "dash"],
      ["blue", "positive", "dot"],
      ["orange", "negative", "dot"],
    ]),
  );
}
