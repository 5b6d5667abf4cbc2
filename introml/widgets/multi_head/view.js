import { fold } from "../kit/controls.js";
import { defineWidget, fixed, picture, predict, s } from "../kit/index.js";
import * as model from "./model.js";

const T = model.WORDS.length;
const C = model.WIDTH;
const LEFT = 62; // room for the words
const GAP = 16;
const NAMES = ["Q", "K", "V"];

/** "number 3" or "numbers 2 and 3" or "numbers 4 to 7", counted from 0. */
function columnsOf(head, size) {
  const [first, last] = [head * size, (head + 1) * size - 1];
  if (size === 1) return `number ${first}`;
  return `numbers ${first} ${size === 2 ? "and" : "to"} ${last}`;
}

function build(ui) {
  const cell = Math.min(24, (ui.width - LEFT - 2 * GAP) / (3 * C));
  const tall = Math.max(cell, 16); // a row has room for its word
  const span = LEFT + 3 * C * cell + 2 * GAP; // as wide as Q, K and V
  const tops = { q: 42, weights: 42 + T * tall + 58 };
  const largest = Math.min(4 * 26, (span - LEFT) / 2); // side of a heat map, at most
  tops.joined = tops.weights + largest + 56;
  const height = tops.joined + T * tall + 8;
  const svg = picture({
    width: ui.width,
    height,
    role: null,
    label: "Q, K and V cut into heads, each head's weights, the joined outputs, and the output",
  });
  ui.stage(svg);

  let shown = { seed: 0, layer: model.layer(1) };
  const layer = () => {
    const seed = ui.get("seed");
    if (shown.seed !== seed) shown = { seed, layer: model.layer(seed) };
    return shown.layer;
  };
  const heads = () => ui.get("heads");
  const last = () => heads() - 1;
  const head = () => Math.min(ui.get("head"), last());
  const token = () => model.WORDS.indexOf(ui.get("token"));

  const text = (x, y, said, options = {}) => s("text", { x, y, ...options }, said);
  const note = (x, y, said) => text(x, y, said, { class: "iml-note" });
  const words = (top, step) =>
    model.WORDS.map((word, t) =>
      text(LEFT - 7, top + (t + 0.5) * step + 4, word, {
        "text-anchor": "end",
        class: t === token() ? "iml-multi-asks" : "iml-multi-word",
      }),
    );

  /** A table of shades; the columns of one head, where there is one, in colour. */
  function table(left, top, matrix, headed) {
    const size = C / heads();
    const top1 = Math.max(...matrix.flat().map(Math.abs));
    const nodes = matrix.flatMap((row, t) =>
      row.map((value, j) => {
        const own = !headed || Math.floor(j / size) === head();
        const color = headed && own ? "blue" : "slate";
        return s("rect", {
          x: (left + j * cell).toFixed(1),
          y: (top + t * tall).toFixed(1),
          width: (cell - 1).toFixed(1),
          height: (tall - 1).toFixed(1),
          style: {
            fill: `var(--iml-${color})`,
            "fill-opacity": (0.1 + (0.8 * Math.abs(value)) / top1).toFixed(2),
          },
        });
      }),
    );
    if (!headed) return nodes;
    const frames = Array.from({ length: heads() }, (_, i) =>
      s("rect", {
        x: (left + i * size * cell - 1).toFixed(1),
        y: (top - 1).toFixed(1),
        width: (size * cell + 1).toFixed(1),
        height: (T * tall + 1).toFixed(1),
        class: i === head() ? "iml-multi-frame iml-chosen" : "iml-multi-frame",
      }),
    );
    // The chosen frame lies on top of its neighbours'.
    return [...nodes, ...frames.filter((_, i) => i !== head()), frames[head()]];
  }

  /** One head's weights: a row a query, a column a key. */
  function heatMap(left, top, side, matrix, index) {
    const step = side / T;
    const squares = matrix.flatMap((row, t) =>
      row.map((weight, j) =>
        s("rect", {
          x: (left + j * step).toFixed(1),
          y: (top + t * step).toFixed(1),
          width: (step - 0.6).toFixed(1),
          height: (step - 0.6).toFixed(1),
          style: {
            fill: `var(--iml-${index === head() ? "blue" : "slate"})`,
            "fill-opacity": Math.sqrt(weight).toFixed(2),
          },
        }),
      ),
    );
    const frame = s("rect", {
      x: (left - 1).toFixed(1),
      y: (top - 1).toFixed(1),
      width: (side + 1.4).toFixed(1),
      height: (side + 1.4).toFixed(1),
      class: index === head() ? "iml-multi-frame iml-chosen" : "iml-multi-frame",
    });
    const group = s("g", { class: "iml-multi-map" }, squares, frame);
    // For the pointer alone: the controls below do the same for the keyboard.
    group.addEventListener("click", () => ui.set({ head: index }));
    return group;
  }

  ui.controls(
    predict(ui, {
      question: "the eight numbers are cut into 8 heads in place of 2. The layer's parameters …",
      options: ["become four times as many", "stay as many", "become a quarter"],
      answer: () => 1,
      explain: () =>
        `All four matrices are ${C} × ${C}, ${model.parameters(layer())} numbers, however they are ` +
        "cut. More heads are narrower heads.",
    }),
    ui.choice({ trait: "heads", label: "Heads", options: [1, 2, 4, 8] }),
    ui.stepper({ trait: "head", label: "Head in colour", min: 0, max: last }),
    ui.choice({ trait: "token", label: "Asking", options: model.WORDS }),
    fold("Another layer", ui.stepper({ trait: "seed", label: "Seed" })),
  );

  return () => {
    if (ui.get("head") > last()) return ui.set({ head: last() });
    const found = model.multiHead(layer(), heads());
    const size = C / heads();
    const lefts = NAMES.map((_, i) => LEFT + i * (C * cell + GAP));
    const width = (span - LEFT - (heads() - 1) * 6) / heads();
    const side = Math.min(largest, width);
    const [t, own] = [token(), head()];
    const row = found.weights[own][t];
    const best = row.indexOf(Math.max(...row));
    const outLeft = LEFT + C * cell + 2 * GAP + 42;
    svg.replaceChildren(
      text(
        0,
        14,
        `1. Cut: ${C} numbers into ${heads()} head${heads() === 1 ? "" : "s"} of ${size}`,
      ),
      ...NAMES.map((name, i) => note(lefts[i], tops.q - 7, name)),
      ...words(tops.q, tall),
      ...[found.q, found.k, found.v].flatMap((matrix, i) => table(lefts[i], tops.q, matrix, true)),
      text(0, tops.weights - 22, `2. Weights of each head: softmax(QKᵀ/√${size})`),
      ...(side >= 56 ? words(tops.weights, side / T) : []),
      ...found.weights.map((matrix, i) =>
        heatMap(LEFT + i * (side + 6), tops.weights, side, matrix, i),
      ),
      text(0, tops.joined - 24, [
        "3. Join, and multiply by W",
        s("tspan", { dy: -4, "font-size": 10 }, "O"),
      ]),
      ...words(tops.joined, tall),
      note(LEFT, tops.joined - 7, "joined"),
      ...table(LEFT, tops.joined, found.joined, true),
      text(outLeft - 34, tops.joined + (T * tall) / 2 + 5, "→"),
      note(outLeft, tops.joined - 7, "output"),
      ...table(outLeft, tops.joined, found.output, false),
    );
    ui.readout(
      `Head ${own} (of ${heads()}, counted from 0) has ${columnsOf(own, size)} of each row of Q, K ` +
        `and V, and divides its scores by √${size}. In it, “${model.WORDS[t]}” puts most weight, ` +
        `${fixed(row[best])}, on “${model.WORDS[best]}”. Its outputs become ${columnsOf(own, size)} ` +
        `of the joined rows. The layer has ${model.parameters(layer())} parameters.`,
    );
  };
}

export default defineWidget({
  name: "MultiHead",
  title: "Attention cut into heads",
  linked: ["heads", "head", "token", "seed"],
  build,
});
