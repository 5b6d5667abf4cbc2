import { fold } from "../kit/controls.js";
import {
  defineWidget,
  dragHandle,
  fixed,
  h,
  legend,
  plot,
  predict,
  setAttributes,
  significant,
  s as svg,
  thousands,
} from "../kit/index.js";
import * as model from "./model.js";
import { describeCost, describeNoise, describeRun } from "./wording.js";

const DRAWS = 60;
const REACH = 2.8; // the map shows this much of w and of b on each side of the minimum
const BEYOND = 60; // a run that gets this far from the minimum ends there: it diverges
const CHART_HEIGHT = 196;
const GAP = 10;
const FLOOR = 1e-4; // the least excess loss that the chart shows

function build(ui) {
  /** @type {() => [number[], number[]]} */
  const data = () => [ui.get("x"), ui.get("y")];
  const count = () => data()[0].length;
  const ticks = ui.forms.progress.high;
  const width = ui.columns(2, 300);
  const map = plot({
    width,
    height: 2 * CHART_HEIGHT + GAP,
    role: null,
    label: "Contours of the loss, the path of SGD, and 60 possible next steps",
    x: { domain: [-1, 1], label: "weight w", ticks: 5 },
    y: { domain: [-1, 1], label: "intercept b", ticks: 5 },
  });
  const trade = plot({
    width,
    height: CHART_HEIGHT,
    label: "Gradient spread and time per example against the batch size, relative to a batch of 1",
    x: { domain: [1, 2], type: "log", label: "batch size s" },
    y: { domain: [0.01, 1.6], type: "log", label: "relative to s = 1", ticks: [0.01, 0.1, 1] },
    margin: { left: 56 },
  });
  const curve = plot({
    width,
    height: CHART_HEIGHT,
    label: "Loss above its minimum against the number of examples seen",
    x: { domain: [0, 1], label: "examples seen", format: thousands, ticks: 5 },
    y: {
      domain: [FLOOR, 1],
      type: "log",
      label: "loss − minimum",
      ticks: [1e-4, 1e-2, 1],
      format: String,
    },
    margin: { left: 56 },
  });

  const contours = svg("g", { "aria-hidden": "true" });
  const stroke = { fill: "none", "aria-hidden": "true", style: { stroke: "var(--iml-gradient)" } };
  const rays = svg("path", { ...stroke, opacity: 0.3 });
  const landings = svg("path", { ...stroke, "stroke-width": 5.5, "stroke-linecap": "round" });
  map.layer.append(contours);
  map.line("path", []); // under the steps
  map.layer.append(rays, landings);
  const { low, high } = ui.forms.start;
  const handle = dragHandle(map, {
    label: "Starting point",
    get: () => ui.get("start"),
    set: (point) => ui.set({ start: point.map((value) => Number(value.toFixed(2))) }),
    step: [0.1, 0.1],
    limits: { x: [low, high], y: [low, high] },
    describe: ([w, b]) => `w = ${fixed(w)}, b = ${fixed(b)}`,
  });

  /** The window and the contours depend on the data alone, so they are drawn once. */
  /** @type {string | null} */
  let framed = null;
  function frame(best, x) {
    map.setAxes({
      x: { domain: [best[0] - REACH, best[0] + REACH] },
      y: { domain: [best[1] - REACH, best[1] + REACH] },
    });
    const shape = model.curvature(x);
    const { values } = model.eigen(shape);
    // Loss levels half a unit apart along the steep direction: L − L* = ½ λ r².
    const rings = Array.from({ length: 9 }, (_, i) => 0.5 * (9 - i) * Math.sqrt(values[1]));
    const inverse = model.inverse(shape);
    contours.replaceChildren(
      ...rings.map((radius) => {
        const ring = model.ellipse(best, inverse, radius);
        const at = ring.map((p) => `${map.x(p[0]).toFixed(1)},${map.y(p[1]).toFixed(1)}`);
        const style = {
          fill: "var(--iml-gradient)",
          "fill-opacity": 0.04,
          stroke: "var(--iml-rule)",
        };
        return svg("polygon", { points: at.join(" "), style });
      }),
    );
  }

  function drawSteps(point, gradients, full, rate, spreadMatrix) {
    const step = (g) => [point[0] - rate * g[0], point[1] - rate * g[1]];
    const ends = gradients.map(step);
    // One path for all rays and one for all ends: a dot is a line of no length with a round cap.
    setAttributes(rays, { d: ends.map((end) => map.path([point, end])).join("") });
    setAttributes(landings, { d: ends.map((end) => map.path([end, end])).join("") });
    const around = model.ellipse(step(full), spreadMatrix, 2 * rate);
    map.line("ellipse", around, { color: "gradient", width: 1.5, dash: "5 3" });
    map.line("full", [point, step(full)], { color: "reference", width: 3.5 });
    map.dots("fullend", [step(full)], { color: "reference", r: 4.5 });
  }

  const question = () =>
    predict(ui, {
      question:
        "a batch of 32 has four times as many examples as a batch of 8. How far do its gradients lie from the full one?",
      options: ["A quarter as far", "Half as far", "As far"],
      answer: () => 1,
      explain: () => {
        const [x, y] = data();
        const [few, many] = [8, 32].map((size) =>
          significant(model.spread(x, y, ui.get("start"), Math.min(size, count()))),
        );
        return `The distance falls with √s: at the start it is ${few} for 8 and ${many} for 32.`;
      },
    });

  const charts = h("div", { class: "iml-batch-size-charts" }, trade.svg, curve.svg);
  // Where the panels are stacked, the controls come between, so that the map stays near them.
  const stacked = width === ui.width;
  ui.stage(map.svg, ...(stacked ? [] : [charts]));
  ui.controls(
    ...(ui.get("question") ? [question()] : []),
    ui.slider({
      trait: "batch_size",
      label: "Batch size s",
      format: String,
      values: () => model.doublings(count()),
    }),
    ui.player({ trait: "progress", label: "Progress", last: () => ticks, interval: 80 }),
    fold(
      "Learning rate, other draws",
      ui.slider({
        trait: "learning_rate",
        label: "Learning rate η",
        scale: "log",
        format: (value) => significant(value, 3),
      }),
      ui.stepper({ trait: "seed", label: "Draw" }),
      ui.toggle({ trait: "scaled", label: `Scale the rate with the batch: η·s/${model.BASE}` }),
    ),
    legend([
      ["training", "path of SGD, and its loss"],
      ["gradient", `steps of ${DRAWS} other batches`, "dot"],
      ["reference", "step of the full gradient"],
      ["gradient", "formula: spread, two deviations", "dash"],
      ["prediction", "time per example, recorded"],
      ["good", "minimum", "dot"],
    ]),
    ...(stacked ? [charts] : []),
  );

  // Drawing batches takes longer than using them, and they depend on n and the seed alone.
  /** @type {{ key: string, of: Map<number, number[][]> }} */
  let drawn = { key: "", of: new Map() };
  function batchesOf(size) {
    const key = `${count()} ${ui.get("seed")}`;
    if (drawn.key !== key) drawn = { key, of: new Map() };
    const found = drawn.of.get(size) ?? model.batches(count(), size, DRAWS, ui.get("seed"));
    drawn.of.set(size, found);
    return found;
  }
  const gradientsOf = (size, point) =>
    batchesOf(size).map((batch) => model.gradient(...data(), point, batch));

  function drawTrade(point, full, variance, size) {
    const n = count();
    const one = Math.sqrt(variance) || 1;
    // Near s = n the curve falls steeply, so it gets points of its own there.
    const sizes = [...Array.from({ length: 60 }, (_, i) => n ** (i / 60)), n * 0.96, n * 0.99];
    const theory = sizes.map((at) => [at, Math.sqrt(variance * model.remaining(n, at)) / one]);
    trade.setAxes({ x: { domain: [1, n], ticks: [1, 4, 16, 64, 256].filter((at) => at <= n) } });
    trade.line("theory", theory, { color: "gradient", dash: "5 3" });
    const rungs = model.doublings(n).filter((at) => Number.isInteger(Math.log2(at)) && at < n);
    const measured = rungs.map((at) => [
      at,
      model.measuredSpread(gradientsOf(at, point), full) / one,
    ]);
    trade.dots("measured", measured, { color: "gradient", r: 3.5 });
    const { batch_size: recorded, seconds } = ui.get("throughput");
    const each = recorded.map((at, i) => [at, seconds[i] / at / seconds[0]]);
    trade.line("time", each, { color: "prediction" });
    trade.dots(
      "times",
      each.filter(([at]) => at <= n),
      { color: "prediction", r: 3 },
    );
    trade.rule("now", { x: size, label: `s = ${size}`, color: "accent" });
  }

  function drawCurve({ points, seen }, lowest, updates, end) {
    const excess = points.map((point) => model.loss(...data(), point) - lowest);
    const pairs = excess.map((value, i) => [seen[i], Math.max(value, FLOOR / 10)]);
    const highest = Math.max(...excess);
    const top = Math.max(4, 1.5 * highest);
    curve.setAxes({
      x: { domain: [0, end] },
      y: { domain: [FLOOR, top], ticks: [1e-4, 1e-2, 1, 1e2, 1e4].filter((at) => at < top) },
    });
    curve.line("all", pairs, { color: "rule", width: 1.5 });
    curve.line("done", pairs.slice(0, updates + 1), { color: "training" });
    curve.dots("now", [pairs[updates]], { color: "training", r: 4.5 });
    return excess[updates];
  }

  return () => {
    const [x, y] = data();
    const n = x.length;
    const size = ui.get("batch_size");
    if (x.length !== y.length) {
      throw new Error(`x has ${n} values and y has ${y.length}; they must be paired`);
    }
    if (size > n) {
      throw new Error(`a batch of ${size} was asked for, and there are ${n} examples`);
    }
    const [seed, epochs, progress] = [ui.get("seed"), ui.get("epochs"), ui.get("progress")];
    const rate = model.rateFor(ui.get("learning_rate"), size, ui.get("scaled"));
    const best = model.minimum(x, y);
    const lowest = model.loss(x, y, best);
    const whole = model.sgd(x, y, ui.get("start"), rate, size, epochs, seed);
    const run = model.untilBeyond(whole, best, BEYOND);
    const diverged = run.points.length < whole.points.length;
    const end = epochs * n;
    const examples = Math.round((end * progress) / ticks);
    const updates = model.updatesWithin(run.seen, examples);
    const point = run.points[updates];

    if (JSON.stringify([x, y]) !== framed) {
      framed = JSON.stringify([x, y]);
      frame(best, x);
    }
    map.line("path", run.points.slice(0, updates + 1), { color: "training", width: 1.8 });
    map.dots("minimum", [best], { color: "good", r: 5 });
    handle();

    const full = model.gradient(x, y, point);
    const gradients = gradientsOf(size, point);
    const spreadMatrix = model.covariance(x, y, point);
    const variance = spreadMatrix[0][0] + spreadMatrix[1][1];
    const share = model.remaining(n, size);
    const scaledMatrix = model.scaledBy(spreadMatrix, share);
    drawSteps(point, gradients, full, rate, scaledMatrix);
    drawTrade(point, full, variance, size);
    const excess = drawCurve(run, lowest, updates, end);

    const { batch_size: recorded, seconds, saved_bytes: kept } = ui.get("throughput");
    const [seen, length] = [run.seen[updates], Math.hypot(...full)];
    const measured = model.measuredSpread(gradients, full);
    const exact = Math.sqrt(variance * share);
    const perEpoch = model.updatesPerEpoch(n, size);
    const over = diverged && updates === run.points.length - 1;
    const cost = {
      each: model.interpolate(recorded, seconds, size) / size,
      kept: model.interpolate(recorded, kept, size),
    };
    ui.readout(
      [
        describeNoise({ n, size, draws: DRAWS, measured, exact, length }),
        describeRun({ seen, end, updates, perEpoch, excess, lowest, diverged: over }),
        describeCost(cost),
      ].join(" "),
    );
  };
}

export default defineWidget({
  name: "BatchSize",
  title: "Gradient noise, descent and cost against the batch size",
  linked: ["batch_size", "learning_rate", "scaled", "seed", "progress", "start"],
  build,
});
