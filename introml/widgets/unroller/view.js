import { fold } from "../kit/controls.js";
import {
  defineWidget,
  h,
  legend,
  picture,
  plot,
  powerOfTen,
  predict,
  s,
  significant,
} from "../kit/index.js";
import { arrowPath } from "../maths/arrow.js";
import * as model from "./model.js";
import { describe, describeGradient } from "./wording.js";

const LEFT = 58; // room for the labels
const RIGHT = 10;
const CELL = 7; // height of one number of a state
const TOP = 22;
/** @type {[number, number]} */
const GRADIENTS = [1e-12, 1e4];

/** Blue above 0, orange below, stronger for larger numbers. */
function painted(value, largest) {
  const strength = Math.min(1, Math.abs(value) / largest);
  return {
    fill: `var(--iml-${value < 0 ? "orange" : "blue"})`,
    "fill-opacity": (0.06 + 0.86 * strength).toFixed(2),
  };
}

/** The reader guesses how far back the gradient reaches. */
function question(ui, shown) {
  return predict(ui, {
    question:
      "the last state depends on every character. How strongly does it depend on the one 20 steps " +
      "before, against the last one?",
    options: ["About as much", "About a twentieth", "Less than a thousandth"],
    answer: () => 2,
    explain: () => {
      const { inputs } = shown();
      const lag = Math.min(20, inputs.length - 1);
      const ratio = inputs[inputs.length - 1 - lag] / inputs[inputs.length - 1];
      return `${significant(ratio)} of it: a little is lost at each step, and twenty losses multiply.`;
    },
  });
}

function build(ui) {
  const characters = () => [...ui.get("text")];
  const read = () => Math.min(ui.get("step"), characters().length);
  const withGradients = ui.get("gradients");
  const id = ui.id("text");
  const field = h("input", {
    type: "text",
    id,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    maxlength: ui.forms.text?.most,
    oninput: () => {
      const text = field.value.trimStart();
      if (text.trim()) ui.set({ text: text.trimEnd(), step: [...text.trimEnd()].length });
    },
    onchange: () => {
      field.value = ui.get("text");
    },
  });
  const height = TOP + model.H * CELL + 48;
  const svg = picture({ width: ui.width, height, label: "" });
  const chart = withGradients
    ? plot({
        width: ui.width,
        height: 230,
        label: "The gradient by each character, on a logarithmic scale",
        x: { domain: [-0.5, 0.5], label: "steps back from the last character read" },
        y: {
          domain: GRADIENTS,
          type: "log",
          label: "gradient’s norm",
          ticks: [1e-12, 1e-8, 1e-4, 1, 1e4],
          format: powerOfTen,
        },
        margin: { left: LEFT, right: RIGHT },
      })
    : null;

  /** What the last setting gave: weights are drawn anew only when they change. */
  let drawn = { key: "", weights: model.layer("rnn", 0, 1, 0) };
  function weights() {
    const [cell, seed] = [ui.get("cell"), ui.get("seed")];
    const [radius, keep] = [ui.get("radius"), ui.get("keep")];
    const key = [cell, seed, radius, keep].join();
    if (drawn.key !== key) drawn = { key, weights: model.layer(cell, seed, radius, keep) };
    return drawn.weights;
  }
  const walk = (inputs, steps) =>
    model.backward(ui.get("cell"), weights(), inputs, ui.get("window"), steps);
  const wholeWalk = () => model.backward("rnn", weights(), model.inputsOf(characters()));

  ui.stage(
    h("div", { class: "iml-unroller-text" }, h("label", { for: id }, "Text"), field),
    svg,
    ...(chart ? [chart.svg] : []),
  );
  const radius = ui.slider({ trait: "radius", label: "Spectral radius of W_h", step: 0.05 });
  const keep = ui.slider({ trait: "keep", label: "Bias of the gate that keeps", step: 0.25 });
  const cells = ui.choice({
    trait: "cell",
    label: "Layer",
    options: [
      ["rnn", "RNN"],
      ["lstm", "LSTM"],
      ["gru", "GRU"],
      ["linear", "RNN without tanh"],
    ],
  });
  const draw = ui.stepper({ trait: "seed", label: "Draw of the weights" });
  ui.controls(
    ...(ui.get("question") ? [question(ui, wholeWalk)] : []),
    ui.player({
      trait: "step",
      label: "Characters read",
      last: () => characters().length,
      interval: 700,
    }),
    ...(chart
      ? [
          cells,
          radius,
          keep,
          legend([
            ["gradient", "gradient by that character", "dot"],
            ["reference", "what the spectral radius alone would leave", "dash"],
            ["accent", "cut or clipped"],
          ]),
          fold(
            "Cut it, clip it, draw another layer",
            ui.stepper({ trait: "window", label: "Cut every … steps (0: never)" }),
            ui.slider({
              trait: "clip",
              label: "Clip at norm (0: never)",
              step: 0.1,
            }),
            draw,
          ),
        ]
      : [fold("Another layer", draw)]),
  );

  function drawSteps(steps, symbols) {
    const count = symbols.length;
    const wide = Math.min(76, (ui.width - LEFT - RIGHT) / Math.max(1, count));
    const box = Math.min(30, wide - (wide > 14 ? 6 : 1));
    const largest = Math.max(1e-9, ...steps.flatMap((step) => step.h.map(Math.abs)));
    const bottom = TOP + model.H * CELL;
    const middle = (t) => LEFT + (t + 0.5) * wide;
    /** @type {SVGElement[]} */
    const nodes = [
      s("text", { x: 0, y: TOP + (model.H * CELL) / 2 + 4 }, "state h"),
      s("text", { x: 0, y: bottom + 40 }, "input x"),
    ];
    symbols.forEach((symbol, t) => {
      const x = middle(t);
      const done = t < steps.length;
      if (done) {
        steps[t].h.forEach((value, j) => {
          nodes.push(
            s("rect", {
              x: (x - box / 2).toFixed(1),
              y: TOP + j * CELL,
              width: box.toFixed(1),
              height: CELL - 1,
              style: painted(value, largest),
            }),
          );
        });
      }
      nodes.push(
        s("rect", {
          x: (x - box / 2 - 1).toFixed(1),
          y: TOP - 1,
          width: (box + 2).toFixed(1),
          height: model.H * CELL + 1,
          class: `iml-unroller-frame${t === steps.length - 1 ? " iml-now" : ""}${done ? "" : " iml-later"}`,
        }),
      );
      const faded = done ? 1 : 0.35;
      if (wide > 26) {
        nodes.push(
          s("path", {
            d: arrowPath(x, bottom + 24, x, bottom + 4),
            class: "iml-unroller-arrow",
            opacity: faded,
          }),
          s("text", { x: x + 5, y: bottom + 17, class: "iml-note", opacity: faded }, [
            "W",
            s("tspan", { dy: 3, "font-size": 9 }, "x"),
          ]),
        );
        if (t > 0) {
          const from = middle(t - 1) + box / 2 + 2;
          const y = TOP + (model.H * CELL) / 2;
          nodes.push(
            s("path", {
              d: arrowPath(from, y, x - box / 2 - 3, y),
              class: "iml-unroller-arrow",
              opacity: faded,
            }),
            s(
              "text",
              {
                x: (from + x - box / 2 - 3) / 2,
                y: y - 7,
                "text-anchor": "middle",
                class: "iml-note",
                opacity: faded,
              },
              ["W", s("tspan", { dy: 3, "font-size": 9 }, "h")],
            ),
          );
        }
      }
      nodes.push(
        s(
          "text",
          {
            x,
            y: bottom + 40,
            "text-anchor": "middle",
            class: "iml-unroller-symbol",
            opacity: done ? 1 : 0.5,
          },
          symbol === " " ? "␣" : symbol,
        ),
      );
      const window = withGradients ? ui.get("window") : 0;
      if (window > 0 && t > 0 && t % window === 0) {
        const cut = x - wide / 2;
        nodes.push(
          s("line", { x1: cut, x2: cut, y1: TOP - 12, y2: bottom + 44, class: "iml-unroller-cut" }),
        );
      }
    });
    svg.setAttribute(
      "aria-label",
      `The layer unfolded over ${count} characters, ${steps.length} of them read`,
    );
    svg.replaceChildren(...nodes);
    return { wide, middle };
  }

  function drawGradient(chart, steps, inputs, { wide }, count) {
    const { inputs: norms, total } = walk(inputs, steps);
    const factor = model.clipFactor(total, ui.get("clip"));
    const last = norms.length - 1;
    const every = count > 24 ? 5 : count > 12 ? 2 : 1;
    chart.setAxes({
      x: {
        // Under the columns above.
        domain: [-0.5, (ui.width - LEFT - RIGHT) / wide - 0.5],
        ticks: norms.map((_, t) => t).filter((t) => (last - t) % every === 0),
        format: (t) => String(last - t),
      },
    });
    const above = (t, value) => [t, value > 0 ? value : Number.NaN];
    chart.line(
      "gradient",
      norms.map((value, t) => above(t, value)),
      {
        color: "gradient",
        width: 1.5,
      },
    );
    chart.dots(
      "dots",
      norms.map((value, t) => above(t, value)).filter(([, value]) => value > 0),
      { color: "gradient", r: Math.min(4, wide / 2.6) },
    );
    const gated = ["lstm", "gru"].includes(ui.get("cell"));
    chart.line(
      "radius",
      gated || last < 0
        ? []
        : norms.map((_, t) => [t, norms[last] * ui.get("radius") ** (last - t)]),
      { color: "reference", width: 1.5, dash: "5 4" },
    );
    chart.line("clipped", factor < 1 ? norms.map((value, t) => above(t, value * factor)) : [], {
      color: "accent",
      width: 2,
    });
    return { norms, total, factor };
  }

  return () => {
    if (field.ownerDocument.activeElement !== field) field.value = ui.get("text");
    const symbols = characters();
    const count = read();
    const inputs = model.inputsOf(symbols.slice(0, count));
    const steps = model.forward(ui.get("cell"), weights(), inputs);
    const place = drawSteps(steps, symbols);
    const gated = ["lstm", "gru"].includes(ui.get("cell"));
    radius.style.display = gated ? "none" : "";
    keep.style.display = gated ? "" : "none";
    const setting = {
      symbols,
      steps,
      cell: ui.get("cell"),
      radius: ui.get("radius"),
      keep: ui.get("keep"),
      window: ui.get("window"),
      clip: ui.get("clip"),
      seed: ui.get("seed"),
    };
    if (!chart) {
      ui.readout(describe(setting));
      return;
    }
    const shown = drawGradient(chart, steps, inputs, place, symbols.length);
    ui.readout(describeGradient({ ...setting, ...shown }));
  };
}

export default defineWidget({
  name: "Unroller",
  title: "A recurrent layer, unfolded over a text",
  linked: ["text", "step", "cell", "radius", "keep", "window", "clip", "seed"],
  build,
});
