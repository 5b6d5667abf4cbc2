import {
  defineWidget,
  dragHandle,
  h,
  legend,
  percent,
  plot,
  predict,
  s,
  setAttributes,
  significant,
  thousands,
} from "../kit/index.js";
import { placeNames } from "./layout.js";
import * as model from "./model.js";
import { amount, BRIEF, brief, duration, energy, machines, pace, rate, size } from "./wording.js";

const HEIGHT = 360;
const DAYS = 30; // the line on the map is what the GPUs do in so many days
const POWERS = [18, 20, 22, 24, 26]; // of ten, whose diagonals are drawn
const BAR = 34;
const BARS = {
  memory: "Bars: bytes of the weights, of the training state and of the GPUs' memory",
  token: "Bars: seconds of reading the weights and of the arithmetic",
};

const log = Math.log10;
/** log₁₀ N on the diagonal of so many FLOPs, given log₁₀ D. */
const onDiagonal = (flops, tokens) => log(flops / 6) - tokens;

function build(ui) {
  const chosen = () => {
    const found = ui.get("catalogue").find(({ name }) => name === ui.get("gpu"));
    if (!found) throw new Error(`the catalogue has no GPU ${JSON.stringify(ui.get("gpu"))}`);
    return found;
  };
  /** What is asked: the traits that are numbers, with the figures of the chosen GPU. */
  const asked = () => {
    const numbers = ["parameters", "tokens", "count", "utilization", "batch"];
    const { name, ...figures } = chosen();
    const given = Object.fromEntries(numbers.map((trait) => [trait, ui.get(trait)]));
    return { machine: name, ...figures, ...given };
  };
  const run = (setting) => {
    const flops = model.trainingFlops(setting.parameters, setting.tokens);
    return { flops, ...model.training({ ...setting, flops }) };
  };

  /** @type {(trait: string) => [number, number]} */
  const ends = (trait) => [log(ui.forms[trait].low), log(ui.forms[trait].high)];
  const [tokenEnds, parameterEnds] = [ends("tokens"), ends("parameters")];
  const tick = (value) => brief(10 ** value);
  const map = plot({
    width: ui.width,
    height: HEIGHT,
    role: null,
    label: "Map of trainings over tokens and parameters, both logarithmic",
    x: { domain: tokenEnds, label: `tokens D (${BRIEF})`, ticks: ui.narrow ? 4 : 7, format: tick },
    y: { domain: parameterEnds, label: "parameters N", ticks: 7, format: tick },
    margin: { left: 58 },
  });
  const bars = plot({
    width: ui.width,
    height: HEIGHT,
    label: BARS.memory,
    x: { domain: [0, 1], label: "bytes" },
    y: { domain: [0, 1], ticks: [] },
    margin: { left: 14, right: 24 },
  });
  const diagonals = s("g", { "aria-hidden": "true" });
  const names = s("g", { "aria-hidden": "true" });
  const rows = s("g", { "aria-hidden": "true" });
  map.layer.append(diagonals);
  map.front.append(names);
  bars.front.append(rows);

  /** 10²⁴ with a raised exponent of the same face as the rest. */
  function labelOf(exponent) {
    const raised = s("tspan", { dy: -5, style: { "font-size": "10px" } }, exponent);
    return ["10", raised, ui.narrow ? null : s("tspan", { dy: 5 }, " FLOPs")];
  }

  /** The diagonals of equal FLOPs; returns the boxes of their labels. */
  function drawDiagonals() {
    const [left, right] = tokenEnds;
    const low = parameterEnds[0];
    const boxes = [];
    const nodes = POWERS.flatMap((exponent) => {
      const flops = 10 ** exponent;
      const ends = [left, right].map((d) => [d, onDiagonal(flops, d)]);
      const atRight = onDiagonal(flops, right);
      const [x, y] = atRight > low ? [right, atRight] : [log(flops / 6) - low, low];
      // Left of the line and below it: it falls to the right.
      const [end, base] = [map.x(x) - 6, Math.min(map.y(y) + 18, map.y(low) - 6)];
      const wide = ui.narrow ? 26 : 66;
      boxes.push({ left: end - wide, right: end, top: base - 14, bottom: base + 3 });
      const place = { x: end, y: base, "text-anchor": "end", class: "iml-note" };
      return [
        s("path", { d: map.path(ends), style: { stroke: "var(--iml-control)" } }),
        s("text", place, labelOf(exponent)),
      ];
    });
    diagonals.replaceChildren(...nodes);
    return boxes;
  }
  const taken = drawDiagonals();

  function drawModels() {
    const named = ui.get("models").map((each) => {
      const point = [log(each.tokens), log(each.parameters)];
      return { name: each.name, point, dot: [map.x(point[0]), map.y(point[1])] };
    });
    const points = named.map(({ point }) => point);
    map.dots("models", points, { color: "reference", r: 4.5 });
    const places = placeNames(named, ui.width, taken);
    names.replaceChildren(
      ...places.map(({ x, y, anchor }, i) =>
        s("text", { x, y, "text-anchor": anchor, class: "iml-note" }, named[i].name),
      ),
    );
  }

  const handle = dragHandle(map, {
    label: "Your training",
    get: () => [log(ui.get("tokens")), log(ui.get("parameters"))],
    set: ([d, n]) => {
      const [tokens, parameters] = [d, n].map((value) => Number((10 ** value).toPrecision(3)));
      ui.set({ tokens, parameters });
    },
    step: [0.05, 0.05],
    limits: { x: tokenEnds, y: parameterEnds },
    describe: ([d, n]) => `${amount(10 ** n)} parameters, ${amount(10 ** d)} tokens`,
  });

  /** One bar of parts [[value, colour, opacity, names], …] under its title. */
  function bar(top, title, parts) {
    /** @type {SVGElement[]} */
    const nodes = [s("text", { x: bars.x(0), y: top - 8, class: "iml-note" }, title)];
    let from = 0;
    for (const [value, color, opacity, ...texts] of parts) {
      const [x, end] = [bars.x(from), bars.x(from + value)];
      // A gap between parts; what is too short to be seen is drawn two pixels wide.
      const width = Math.max(2, end - x - (parts.length > 1 ? 1 : 0));
      const style = { fill: `var(--iml-${color})` };
      nodes.push(s("rect", { x, y: top, width, height: BAR, opacity, style }));
      const middle = { x: x + width / 2, "text-anchor": "middle", class: "iml-note" };
      const fitting = texts.filter((text) => text.length * 7 < width);
      fitting.forEach((text, i) => {
        nodes.push(s("text", { ...middle, y: top + BAR + 16 + 15 * i }, text));
      });
      from += value;
    }
    return nodes;
  }

  function drawBars(longest, label, words, ...rowsOf) {
    const format = (value) => (value === 0 ? "0" : words(value));
    bars.setAxes({ x: { domain: [0, longest], label, format, ticks: ui.narrow ? 3 : 6 } });
    const pitch = (HEIGHT - 60) / rowsOf.length;
    const drawn = rowsOf.map(([title, parts], row) => bar(36 + row * pitch, title, parts));
    rows.replaceChildren(...drawn.flat());
  }

  const slider = (trait, label, format, more = {}) =>
    ui.slider({ trait, label, format, scale: "log", ...more });
  const controls = {
    parameters: slider("parameters", "Parameters N", amount),
    tokens: slider("tokens", "Tokens D", amount),
    count: slider("count", "GPUs", thousands),
    utilization: ui.slider({
      trait: "utilization",
      label: "Utilization",
      step: 0.01,
      format: percent,
    }),
    batch: slider("batch", "Texts at once", String),
  };
  const shown = {
    training: ["parameters", "tokens", "count", "utilization"],
    memory: ["parameters", "count"],
    token: ["parameters", "count", "batch"],
  };
  const key = legend([
    ["accent", "yours: drag it", "dot"],
    ["reference", "published trainings", "dot"],
    ["good", `what your GPUs do in ${DAYS} days`, "dash"],
    ["control", "equally many FLOPs"],
  ]);

  /** About the setting that the page shows. */
  function question() {
    const setting = asked();
    const { flops, seconds } = run(setting);
    const { parameters, tokens, count, machine, utilization, peak } = setting;
    return predict(ui, {
      question:
        `a model of ${amount(parameters)} parameters learns from ${amount(tokens)} tokens, ` +
        `pieces of words. How long ${count === 1 ? "does" : "do"} ${machines(count, machine)} take?`,
      options: [seconds / 100, seconds / 10, seconds].map(duration),
      answer: () => 2,
      explain: () =>
        `It takes ${significant(flops)} multiplications and additions. At ${percent(utilization)} ` +
        `of ${rate(peak)}, that is ${duration(seconds)}.`,
    });
  }

  ui.stage(h("div", { class: "iml-training-compute-place" }, map.svg, bars.svg));
  ui.controls(
    ...(ui.get("question") ? [question()] : []),
    ui.choice({
      trait: "view",
      label: "Show",
      options: [
        ["training", "the training"],
        ["memory", "its memory"],
        ["token", "one token"],
      ],
    }),
    key,
    ...Object.values(controls),
    (ui.narrow ? ui.select : ui.choice)({
      trait: "gpu",
      label: "Kind",
      options: ui.forms.gpu.options,
    }),
  );

  const views = {
    training() {
      const setting = asked();
      const { flops, seconds, gpuHours, joules } = run(setting);
      const { parameters, tokens, count, machine, utilization, peak, power } = setting;
      drawModels();
      const reach = model.flopsWithin({ ...setting, days: DAYS });
      const line = tokenEnds.map((d) => [d, onDiagonal(reach, d)]);
      map.line("month", line, { color: "good", dash: "6 4", width: 2.5 });
      handle();
      ui.readout(
        `6 · ${amount(parameters)} · ${amount(tokens)} = ${significant(flops)} FLOPs. ` +
          `${machines(count, machine)} at ${percent(utilization)} of the dense peak of ` +
          `${rate(peak)}${count > 1 ? " each need" : " needs"} ${duration(seconds)}: ` +
          `${amount(gpuHours)} GPU-hours, and at the rated ${power} W a GPU ${energy(joules)}, ` +
          "the computers around them not counted.",
      );
    },
    memory() {
      const { parameters, count, machine, memory } = asked();
      const { weights, state } = model.bytes(parameters);
      const there = count * memory;
      const needed = model.gpusToHold(state, memory);
      const looks = [
        ["training", 1],
        ["gradient", 1],
        ["training", 0.6],
        ["gradient", 0.65],
        ["gradient", 0.4],
      ];
      const parts = model.STATE.map(([name, each], i) => [
        each * parameters,
        ...looks[i],
        `${each} B`,
        name,
      ]);
      drawBars(
        1.04 * Math.max(state, there),
        "bytes",
        size,
        [`to write text, the weights: ${size(weights)}`, [[weights, "prediction", 1, "2 B each"]]],
        [`to train, 16 B a parameter: ${size(state)}`, parts],
        [`memory of ${machines(count, machine)}: ${size(there)}`, [[there, "reference", 0.7]]],
      );
      ui.readout(
        `${amount(parameters)} weights of 2 bytes are ${size(weights)}. Training them with Adam ` +
          `keeps 16 bytes each, ${size(state)}: the weight and its gradient in bfloat16 (2 + 2), a ` +
          `finer weight and two averages of gradients in float32 (4 + 4 + 4). That alone takes ` +
          `${machines(needed, machine)}${needed > count ? `; you have ${thousands(count)}` : ""}.`,
      );
    },
    token() {
      const setting = asked();
      const { batch, count, machine, memory } = setting;
      const { flops, read, computeSeconds, readSeconds, bound, tokensPerSecond, balance } =
        model.token(setting);
      const least = model.gpusToHold(read, memory);
      drawBars(
        1.04 * Math.max(computeSeconds, readSeconds),
        "seconds",
        duration,
        [
          `reading ${size(read)} of weights: ${duration(readSeconds)}`,
          [[readSeconds, "reference", 0.7]],
        ],
        [
          `${significant(flops)} FLOPs at the peak: ${duration(computeSeconds)}`,
          [[computeSeconds, "prediction", 1]],
        ],
      );
      const texts = batch === 1 ? "One token" : `A token for each of ${batch} texts`;
      const fits =
        least > count
          ? ` (The weights need the memory of ${thousands(least)} such GPUs; you have ${thousands(count)}.)`
          : "";
      ui.readout(
        `${texts} takes ${significant(flops)} FLOPs and reads ${size(read)} of weights once. ` +
          `${bound === "memory" ? "The reading" : "The arithmetic"} sets the pace: at best ` +
          `${pace(tokensPerSecond)} tokens a second on ${machines(count, machine)}. Reading and ` +
          `arithmetic balance at ${Math.round(balance)} texts.${fits}`,
      );
    },
  };

  return () => {
    const view = ui.get("view");
    const onMap = view === "training";
    map.svg.style.setProperty("visibility", onMap ? "" : "hidden");
    bars.svg.style.setProperty("visibility", onMap ? "hidden" : "");
    key.style.setProperty("display", onMap ? "" : "none");
    setAttributes(bars.svg, { "aria-label": BARS[view] });
    for (const [trait, node] of Object.entries(controls)) {
      node.style.setProperty("display", shown[view].includes(trait) ? "" : "none");
    }
    views[view]();
  };
}

export default defineWidget({
  name: "TrainingCompute",
  title: "What training a model and writing a token cost",
  linked: ["view", "parameters", "tokens", "gpu", "count", "utilization", "batch"],
  build,
});
