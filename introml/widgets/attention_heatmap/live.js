// Live mode: the reader's own Q, K and V, and every step of softmax(QKᵀ/√d_k)V as a table.

import { stepper } from "../kit/controls.js";
import { fixed, h, plot, predict, s, setAttributes, significant } from "../kit/index.js";
import * as model from "./model.js";

const LOW = "₀₁₂₃₄₅₆₇₈₉";
const named = (letter, index) => `${letter}${LOW[index + 1]}`;
const MINUS_INFINITY = "−∞";

const tint = (color, share) =>
  `color-mix(in srgb, var(--iml-${color}) ${Math.round(50 * share)}%, transparent)`;

/** A table that is made again only when its size changes, so that the focus stays where it is. */
function matrixTable({ title, rowHeader, columnHeader = null, makeCell }) {
  const caption = h("caption", {}, title);
  const table = h("table", { class: "iml-attention-matrix" }, caption);
  let size = "";
  let cells = [];
  return {
    node: table,
    caption,
    cells: (rows, columns) => {
      if (size !== `${rows}×${columns}`) {
        size = `${rows}×${columns}`;
        cells = Array.from({ length: rows }, (_, i) =>
          Array.from({ length: columns }, (_, j) => makeCell(i, j)),
        );
        const corner = h("td", {});
        const names = Array.from({ length: columns }, (_, j) => columnHeader?.(j));
        const head = columnHeader
          ? h(
              "thead",
              {},
              h(
                "tr",
                {},
                corner,
                names.map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}))),
              ),
            )
          : null;
        const lines = cells.map((row, i) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, rowHeader(i)),
            row.map(({ cell }) => cell),
          ),
        );
        table.replaceChildren(caption, ...(head ? [head] : []), h("tbody", {}, lines));
      }
      return cells;
    },
  };
}

/** Q, K or V: a table of number inputs bound to a trait. */
function editable(ui, { trait, letter, title, row }) {
  const table = matrixTable({
    title,
    rowHeader: (i) => named(row, i),
    makeCell: (i, j) => {
      const input = h("input", {
        type: "number",
        step: "0.5",
        min: -100,
        max: 100,
        "aria-label": `${letter}, row ${i + 1}, column ${j + 1}`,
        oninput: () => {
          const value = Number(input.value);
          if (input.value === "" || !(Math.abs(value) <= 100)) return;
          const next = ui.get(trait).map((numbers) => [...numbers]);
          next[i][j] = value;
          ui.set({ [trait]: next });
        },
        // What could not be read goes back to what is drawn.
        onchange: () => {
          input.value = String(ui.get(trait)[i][j]);
        },
      });
      return { cell: h("td", {}, input), input };
    },
  });
  const update = (share) => {
    const matrix = ui.get(trait);
    for (const [i, cells] of table.cells(matrix.length, matrix[0].length).entries()) {
      for (const [j, { cell, input }] of cells.entries()) {
        if (Number(input.value) !== matrix[i][j] || input.value === "") {
          input.value = String(matrix[i][j]);
        }
        input.setAttribute("value", String(matrix[i][j]));
        cell.style.setProperty("background", tint("blue", share(i)));
      }
    }
  };
  return { node: table.node, update };
}

/** A computed table; `write(i, j)` gives { text, background }. */
function computed({ title, row, column, onrow = null }) {
  const rowButton = (i) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": `${named(row, i)}: describe this query`,
        onclick: () => onrow(i),
      },
      named(row, i),
    );
  const buttons = [];
  const table = matrixTable({
    title,
    rowHeader: (i) => {
      if (!onrow) return named(row, i);
      buttons[i] = rowButton(i);
      return buttons[i];
    },
    columnHeader: (j) => (column ? named(column, j) : ""),
    makeCell: () => ({ cell: h("td", { class: "iml-attention-number" }) }),
  });
  const update = (rows, columns, chosen, write) => {
    for (const [i, cells] of table.cells(rows, columns).entries()) {
      for (const [j, { cell }] of cells.entries()) {
        const { text, background } = write(i, j);
        cell.textContent = text;
        setAttributes(cell, { class: `iml-attention-number${i === chosen ? " iml-chosen" : ""}` });
        cell.style.setProperty("background", background);
      }
      buttons[i]?.setAttribute("aria-pressed", String(i === chosen));
    }
  };
  return { node: table.node, caption: table.caption, update };
}

/** The values as dots whose area is their weight, and the output, their weighted mean. */
function mixture(ui) {
  // Beside Q, K and V of the default size where that leaves enough room, else below them.
  const beside = Math.min(330, ui.width - 465);
  const chart = plot({
    width: beside >= 210 ? beside : ui.width,
    height: 190,
    label: "The values as dots, their area the weight, and the output among them",
    x: { domain: [0, 1], label: "first number of a value", ticks: 4 },
    y: { domain: [0, 1], label: "second number", ticks: 4 },
    margin: { left: 46 },
  });
  // One number a value: all lie on a line.
  const point = (row) => [row[0], row[1] ?? 0];
  const reach = (numbers) => {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const pad = Math.max(0.5, 0.18 * (high - low));
    return { domain: [low - pad, high + pad] };
  };
  const draw = (values, weights, output, query) => {
    const points = values.map(point);
    chart.setAxes({ x: reach(points.map((p) => p[0])), y: reach(points.map((p) => p[1])) });
    const [ox, oy] = point(output);
    const at = (x, y) => ({ cx: chart.x(x).toFixed(1), cy: chart.y(y).toFixed(1) });
    chart.layer.replaceChildren(
      ...points.map(([x, y], i) =>
        s("line", {
          x1: chart.x(x).toFixed(1),
          y1: chart.y(y).toFixed(1),
          x2: chart.x(ox).toFixed(1),
          y2: chart.y(oy).toFixed(1),
          "stroke-width": 2,
          style: { stroke: "var(--iml-blue)", "stroke-opacity": weights[i].toFixed(3) },
        }),
      ),
      ...points.map(([x, y], i) =>
        s("circle", {
          ...at(x, y),
          r: (2.5 + 11 * Math.sqrt(weights[i])).toFixed(1),
          style: { fill: "var(--iml-blue)", "fill-opacity": 0.55, stroke: "var(--iml-blue)" },
        }),
      ),
      s("circle", {
        ...at(ox, oy),
        r: 5.5,
        "stroke-width": 2,
        style: { fill: "var(--iml-green)", stroke: "var(--iml-paper)" },
      }),
    );
    chart.front.replaceChildren(
      ...points.map(([x, y], i) =>
        s("text", { x: chart.x(x) + 6, y: chart.y(y) - 7, class: "iml-note" }, named("v", i)),
      ),
      s(
        "text",
        {
          x: chart.x(ox) + 8,
          y: chart.y(oy) + 15,
          class: "iml-note",
          style: { fill: "var(--iml-green)" },
        },
        query.replace("q", "o"),
      ),
    );
  };
  draw.svg = chart.svg;
  return draw;
}

/** Steppers for the sizes: each reads a matrix' size as if it were a trait, and resizes when set. */
function sizes(ui) {
  const [q, k, v] = ["q", "k", "v"].map((name) => () => ui.get(name));
  const read = {
    T: () => q().length,
    S: () => k().length,
    d_k: () => q()[0].length,
    d_v: () => v()[0].length,
  };
  const write = {
    T: (n) => ({ q: model.resized(q(), n, q()[0].length) }),
    S: (n) => ({
      k: model.resized(k(), n, k()[0].length),
      v: model.resized(v(), n, v()[0].length),
    }),
    d_k: (n) => ({
      q: model.resized(q(), q().length, n),
      k: model.resized(k(), k().length, n),
    }),
    d_v: (n) => ({ v: model.resized(v(), v().length, n) }),
  };
  const own = {
    ...ui,
    get: (name) => read[name](),
    set: (changes) => {
      for (const [name, value] of Object.entries(changes)) ui.set(write[name](value));
    },
  };
  return [
    stepper(own, { trait: "T", label: "Queries", min: 1, max: 6 }),
    stepper(own, { trait: "S", label: "Keys", min: 1, max: 6 }),
    stepper(own, { trait: "d_k", label: "dₖ", min: 1, max: 4 }),
    stepper(own, { trait: "d_v", label: "dᵥ", min: 1, max: 4 }),
  ];
}

function formula(scaled, width, temperature) {
  const divisors = [];
  if (scaled) divisors.push(`√${width}`);
  if (temperature !== 1) divisors.push(significant(temperature));
  if (divisors.length === 0) return "QKᵀ";
  return divisors.length === 1 ? `QKᵀ / ${divisors[0]}` : `QKᵀ / (${divisors.join(" · ")})`;
}

export function buildLive(ui) {
  const inputs = {
    queries: editable(ui, { trait: "q", letter: "Q", title: "Q, the queries", row: "q" }),
    keys: editable(ui, { trait: "k", letter: "K", title: "K, the keys", row: "k" }),
    values: editable(ui, { trait: "v", letter: "V", title: "V, the values", row: "v" }),
  };
  const scores = computed({ title: "scores", row: "q", column: "k" });
  const weights = computed({
    title: "weights: softmax of each row",
    row: "q",
    column: "k",
    onrow: (row) => ui.set({ row }),
  });
  const output = computed({ title: "output: weights · V", row: "o" });
  const mix = mixture(ui);
  const line = (...nodes) => h("div", { class: "iml-attention-line" }, nodes);
  ui.stage(
    line(...Object.values(inputs).map(({ node }) => node), mix.svg),
    line(scores.node, weights.node, output.node),
  );

  const settings = () =>
    Object.fromEntries(
      ["scaled", "mask", "length", "temperature"].map((name) => [name, ui.get(name)]),
    );
  const compute = (changes = {}) =>
    model.attention(ui.get("q"), ui.get("k"), ui.get("v"), {
      ...settings(),
      ...changes,
    });
  const row = () => Math.min(ui.get("row"), ui.get("q").length - 1);
  const largest = (scaled) => Math.max(...compute({ scaled }).weights[row()]);

  const length = ui.stepper({
    trait: "length",
    label: "real keys",
    min: 0,
    max: () => ui.get("k").length,
  });
  ui.controls(
    ui.toggle({ trait: "scaled", label: "Divide by √dₖ" }),
    ui.choice({
      trait: "mask",
      label: "Mask",
      options: ["none", "causal", "padding"],
    }),
    length,
    ui.slider({
      trait: "temperature",
      label: "Temperature",
      min: 0.1,
      max: 10,
      scale: "log",
      format: (value) => significant(value),
    }),
    h("details", {}, h("summary", {}, "Change the sizes"), h("div", {}, sizes(ui))),
    predict(ui, {
      question: "if QKᵀ were not divided by √dₖ, the largest weight of the chosen query would …",
      options: ["grow", "shrink", "stay as it is"],
      answer: () => {
        const change = largest(false) - largest(true);
        return Math.abs(change) < 5e-4 ? 2 : Number(change < 0);
      },
      explain: () =>
        `Of the weights of query ${row() + 1}, the largest is ${fixed(largest(true), 3)} with the ` +
        `division and ${fixed(largest(false), 3)} without. Use the switch to see the whole row.`,
    }),
  );

  return () => {
    const [rows, columns] = [ui.get("q").length, ui.get("k").length];
    const result = compute();
    const chosen = row();
    const shares = result.weights[chosen];
    inputs.queries.update((i) => (i === chosen ? 0.35 : 0));
    inputs.keys.update((s) => shares[s]);
    inputs.values.update((s) => shares[s]);
    const width = ui.get("q")[0].length;
    const caption = formula(ui.get("scaled"), width, ui.get("temperature"));
    scores.caption.textContent = `scores: ${caption}`;
    scores.update(rows, columns, chosen, (t, s) => ({
      text: result.allowed[t][s] ? fixed(result.scores[t][s]) : MINUS_INFINITY,
      background: result.allowed[t][s] ? "transparent" : "var(--iml-sunken)",
    }));
    weights.update(rows, columns, chosen, (t, s) => ({
      text: fixed(result.weights[t][s]),
      background: result.allowed[t][s] ? tint("blue", result.weights[t][s]) : "var(--iml-sunken)",
    }));
    output.update(rows, result.output[0].length, chosen, (t, j) => ({
      text: fixed(result.output[t][j]),
      background: tint("green", t === chosen ? 0.35 : 0),
    }));
    length.classList.toggle("iml-attention-off", ui.get("mask") !== "padding");
    mix(ui.get("v"), shares, result.output[chosen], named("q", chosen));
    ui.readout(sentence(result, chosen));
  };
}

function sentence(result, t) {
  const seen = result.allowed[t].filter(Boolean).length;
  const vector = result.output[t].map((value) => fixed(value)).join(", ");
  if (seen === 0) {
    return (
      `Query ${t + 1} may attend to no key at all. Its weights and its output are set to 0, as ` +
      "PyTorch's scaled_dot_product_attention does; a plain softmax of −∞ alone would give NaN."
    );
  }
  const weights = result.weights[t];
  const [[best, share]] = model.strongest(weights, 1);
  if (seen === 1) {
    return (
      `Query ${t + 1} may attend to key ${best + 1} alone, whatever the score: the weight is ` +
      `${fixed(share)}, its entropy ${fixed(result.entropies[t])}, and the output (${vector}) is value ${best + 1}.`
    );
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const allowed = seen < weights.length ? ` of the ${seen} it may attend to` : "";
  return (
    `Query ${t + 1} gives most weight, ${fixed(share)}, to key ${best + 1}${allowed}. Its weights sum to ` +
    `${fixed(sum)} and have entropy ${fixed(result.entropies[t])} nats, between 0 for one key alone and ` +
    `ln ${seen} = ${fixed(Math.log(seen))} for equal weights. Its output is (${vector}).`
  );
}
