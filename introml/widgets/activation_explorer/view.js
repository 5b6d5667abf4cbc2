import { fold } from "../kit/controls.js";
import {
  defineWidget,
  dragHandle,
  legend,
  plot,
  powerOfTen,
  predict,
  significant,
} from "../kit/index.js";
import * as model from "./model.js";

const HEIGHT = 330;
const GRID = Array.from({ length: 241 }, (_, i) => -6 + i / 20);
const LOWEST = 1e-27;
const HIGHEST = 1e4;

/** @type {Record<string, string>} */
const NAMES = {
  sigmoid: "sigmoid",
  tanh: "tanh",
  relu: "ReLU",
  leaky_relu: "leaky ReLU",
  gelu: "GELU",
  silu: "SiLU",
};
const BOUNDED = ["sigmoid", "tanh"];
/** @type {Record<string, string>} */
const SCHEMES = {
  xavier: "Xavier’s weights (variance 1/64)",
  he: "He’s weights (variance 2/64)",
  pytorch: "nn.Linear’s weights (variance 1/192)",
};

/** @param {number} value */
const number = (value) => significant(value, 2);

/**
 * @param {{ name: string, scheme: string, x: number, value: number, slope: number, depth: number,
 *   signal: number, gradient: number }} shown
 */
function describe({ name, scheme, x, value, slope, depth, signal, gradient }) {
  const layers = `${depth} ${depth === 1 ? "layer" : "layers"}`;
  const ending = {
    vanishes: "It vanishes.",
    explodes: "It explodes.",
    survives: "It gets through.",
  }[model.verdict(gradient)];
  const power = depth === 1 ? "" : `; ${depth} such slopes make ${number(slope ** depth)}`;
  return (
    `At x = ${number(x)} the ${NAMES[name]} is ${number(value)} and its slope ${number(slope)}` +
    `${power}. In a network of ${layers} with ${SCHEMES[scheme]}, ${number(gradient)} of the ` +
    `gradient arrives at the input. ${ending} Of a small difference between two inputs, ` +
    `${number(signal)} reaches the output.`
  );
}

function build(ui) {
  const width = ui.columns(2, 290);
  const curve = plot({
    width,
    height: HEIGHT,
    role: null,
    label: "The function, its slope, and the tangent at a point",
    x: { domain: [-6, 6], label: "x", ticks: [-6, -4, -2, 0, 2, 4, 6] },
    y: { domain: [-1.3, 1.3], label: "value and slope", ticks: 5 },
  });
  const left = plot({
    width,
    height: HEIGHT,
    role: null,
    label: "What is left of a gradient and of a difference, layer by layer, on a logarithmic scale",
    x: { domain: [0, model.DEEPEST], label: "layer", ticks: [0, 5, 10, 15, 20, 25, 30] },
    y: {
      domain: [LOWEST, HIGHEST],
      type: "log",
      label: "what is left",
      ticks: [1e-25, 1e-20, 1e-15, 1e-10, 1e-5, 1],
      format: powerOfTen,
    },
    margin: { left: 58, right: 18 },
  });
  const { low, high } = ui.forms.point;
  const handle = dragHandle(curve, {
    label: "Point on the curve",
    axis: "x",
    get: () => [ui.get("point"), model.valueAndSlope(ui.get("activation"), ui.get("point"))[0]],
    set: ([x]) => ui.set({ point: Number(x.toFixed(2)) }),
    step: [0.1, 0],
    limits: { x: [low, high] },
    describe: ([x, y]) => `x = ${number(x)}, value ${number(y)}`,
  });
  const end = dragHandle(left, {
    label: "Depth",
    axis: "x",
    get: () => [ui.get("depth"), 1],
    set: ([layer]) => ui.set({ depth: Math.round(layer) }),
    step: [1, 0],
    limits: { x: [ui.forms.depth.low, ui.forms.depth.high] },
    describe: ([layer]) => `${layer} ${layer === 1 ? "layer" : "layers"}`,
    color: "gradient",
  });
  /** The last network drawn: another is wanted only when the seed changes. */
  let drawn = { seed: -1, network: model.draw(0, 1, 1) };
  const network = () => {
    const seed = ui.get("seed");
    if (drawn.seed !== seed) drawn = { seed, network: model.draw(seed) };
    return drawn.network;
  };

  ui.stage(curve.svg, left.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui, network)] : []),
    ui.choice({
      trait: "activation",
      label: "Function",
      options: ["sigmoid", "tanh", "relu"].map((name) => [name, NAMES[name]]),
    }),
    ui.choice({
      trait: "weights",
      label: "Weights",
      options: [
        ["xavier", "Xavier"],
        ["he", "He"],
        ["pytorch", "nn.Linear"],
      ],
    }),
    ui.slider({ trait: "point", label: "Point x", step: 0.1 }),
    ui.slider({ trait: "depth", label: "Layers", format: String }),
    legend([
      ["reference", "function"],
      ["gradient", "its slope", "dash"],
      ["gradient", "gradient, on its way back from the last layer"],
      ["training", "difference between two inputs, on its way forward"],
      ["accent", "your point’s slope alone, layer after layer", "dash"],
    ]),
    fold(
      "More functions, another draw",
      ui.select({
        trait: "activation",
        label: "Function",
        options: Object.entries(NAMES),
      }),
      ui.stepper({ trait: "seed", label: "Draw of the weights" }),
    ),
  );

  return () => {
    const [name, scheme] = [ui.get("activation"), ui.get("weights")];
    const [x, depth] = [ui.get("point"), ui.get("depth")];
    const [value, slope] = model.valueAndSlope(name, x);
    const points = GRID.map((at) => [at, ...model.valueAndSlope(name, at)]);
    curve.setAxes({ y: { domain: BOUNDED.includes(name) ? [-1.3, 1.3] : [-1.3, 6.3] } });
    curve.line(
      "slope",
      points.map(([at, , steep]) => [at, steep]),
      { color: "gradient", width: 1.5, dash: "5 4" },
    );
    curve.line("function", points, { color: "reference", width: 3 });
    curve.line(
      "tangent",
      [-1.6, 1.6].map((by) => [x + by, value + slope * by]),
      { color: "gradient", width: 2.5 },
    );
    handle();

    const { signal, gradient } = model.passesOf(name, scheme, depth, 0, network());
    const series = (/** @type {number[]} */ values) =>
      values.map((part, layer) => [layer, part > 0 ? part : Number.NaN]);
    const slopes = signal.map((_, layer) => model.chained(slope, depth - layer));
    left.line("point", series(slopes), { color: "accent", width: 1.5, dash: "5 4" });
    left.line("signal", series(signal), { color: "training", width: 2 });
    left.line("gradient", series(gradient), { color: "gradient", width: 3 });
    end();
    ui.readout(
      describe({
        ...{ name, scheme, x, value, slope, depth },
        signal: signal[depth],
        gradient: gradient[0],
      }),
    );
  };
}

/** The reader guesses what arrives; the answer is computed. */
function question(ui, network) {
  return predict(ui, {
    question:
      "a gradient of norm 1 sets out from the last of 30 sigmoid layers. How much of it " +
      "arrives at the first?",
    options: ["About a thirtieth", "About a thousandth", "Less than a billionth"],
    answer: () => 2,
    explain: () => {
      const { gradient } = model.passesOf("sigmoid", "xavier", 30, 0, network());
      return (
        `Each layer leaves less than a quarter, and a quarter of a quarter of a quarter … is ` +
        `soon nothing: ${number(gradient[0])} arrives.`
      );
    },
  });
}

export default defineWidget({
  name: "ActivationExplorer",
  title: "Activation functions, and what depth makes of their slopes",
  linked: ["activation", "point", "depth", "weights", "seed"],
  build,
});
