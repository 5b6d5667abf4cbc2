// Live mode: the reader's own Q, K and V, and every step of softmax(QKᵀ/√d_k)V as a table.

import { fold, stepper } from "../kit/controls.js";
import { fixed, h, predict, significant } from "../kit/index.js";
import { mixture } from "./mixture.js";
import * as model from "./model.js";
import { computed, editable, named, tint } from "./tables.js";

const MINUS_INFINITY = "−∞";

/** Large scores without decimals, so that six columns fit on a phone. */
const score = (value) => fixed(value, Math.abs(value) < 1000 ? 2 : 0);

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
    stepper(own, { trait: "T", label: "Queries", min: 1, max: ui.forms.q.most }),
    stepper(own, { trait: "S", label: "Keys", min: 1, max: ui.forms.k.most }),
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
    pick: { name: ui.id("row"), choose: (row) => ui.set({ row }) },
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
  const compute = () => model.attention(ui.get("q"), ui.get("k"), ui.get("v"), settings());
  const row = () => Math.min(ui.get("row"), ui.get("q").length - 1);
  const largest = (queries) =>
    Math.max(...model.attention(queries, ui.get("k"), ui.get("v"), settings()).weights[row()]);
  const doubled = () => ui.get("q").map((numbers) => numbers.map((number) => 2 * number));

  const length = ui.stepper({
    trait: "length",
    label: "real keys",
    min: 0,
    max: () => ui.get("k").length,
  });
  const spread = h("p", { class: "iml-attention-source" });
  ui.controls(
    predict(ui, {
      question: `if every number of query ${row() + 1} doubled, its largest weight would …`,
      options: ["shrink", "grow", "stay as it is"],
      answer: () => {
        const change = largest(doubled()) - largest(ui.get("q"));
        return Math.abs(change) < 5e-4 ? 2 : Number(change > 0);
      },
      explain: () =>
        `Every score doubles, and the largest weight goes from ${fixed(largest(ui.get("q")))} to ` +
        `${fixed(largest(doubled()))}. Type the numbers into Q to see the whole row.`,
    }),
    fold(
      "Scale, mask, temperature, sizes",
      ui.toggle({ trait: "scaled", label: "Divide by √dₖ" }),
      ui.choice({ trait: "mask", label: "Mask", options: ["none", "causal", "padding"] }),
      length,
      ui.slider({
        trait: "temperature",
        label: "Temperature",
        scale: "log",
        format: (value) => significant(value),
      }),
      ...sizes(ui),
      spread,
    ),
  );

  return () => {
    const [rows, columns] = [ui.get("q").length, ui.get("k").length];
    const [wide, narrow, kept] = [ui.get("q")[0].length, ui.get("k")[0].length, ui.get("v").length];
    if (wide !== narrow || columns !== kept) {
      throw new Error(
        `q is ${rows} × ${wide}, k ${columns} × ${narrow} and v has ${kept} rows; rows of q and k ` +
          "must be equally long, and each key needs its value",
      );
    }
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
      text: result.allowed[t][s] ? score(result.scores[t][s]) : MINUS_INFINITY,
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
    spread.textContent = entropyOf(result, chosen);
    ui.readout(sentence(result, chosen, ui.get("mask") !== "none"));
  };
}

function sentence(result, t, masked) {
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
      `${fixed(share)}, and the output (${vector}) is value ${best + 1}.`
    );
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const allowed = masked ? ` of the ${seen} it may attend to` : "";
  const ties = weights.filter((weight) => share - weight < 1e-9).length;
  const most =
    ties === seen
      ? `gives each key${allowed} the same weight, ${fixed(share)}`
      : ties > 1
        ? `gives most weight, ${fixed(share)} each, to ${ties} keys${allowed}, key ${best + 1} the first`
        : `gives most weight, ${fixed(share)}, to key ${best + 1}${allowed}`;
  return `Query ${t + 1} ${most}. Its weights sum to ${fixed(sum)}. Its output is (${vector}).`;
}

/** How spread out the weights of a row are. */
function entropyOf({ allowed, entropies }, t) {
  const seen = allowed[t].filter(Boolean).length;
  return (
    `The weights of query ${t + 1} have entropy ${fixed(entropies[t])} nats, between 0 for one key ` +
    `alone and ln ${Math.max(1, seen)} = ${fixed(Math.log(Math.max(1, seen)))} for equal weights.`
  );
}
