import { fold } from "../kit/controls.js";
import {
  defineWidget,
  dragHandle,
  fixed,
  h,
  legend,
  plot,
  powerOfTen,
  predict,
  s,
  setAttributes,
  significant,
  swatchOf,
} from "../kit/index.js";
import { sampled } from "../maths/contours.js";
import * as model from "./model.js";
import { LANDSCAPE_NAMES, LOOKS, NAMES, standing, winners } from "./wording.js";

const HEIGHT = 320;
const LEVELS = 10;
const CELLS = 60; // of the grid on which the contours are found
/** @type {[number, number]} */
const LOSSES = [1e-5, 100]; // the ends of the loss axis

function build(ui) {
  const width = ui.columns(2, 290);
  const map = plot({
    width,
    height: HEIGHT,
    role: null,
    label: "Contours of the loss over two parameters, with the path of every runner",
    x: { domain: [-1, 1], label: "θ₁", ticks: 5 },
    y: { domain: [-1, 1], label: "θ₂", ticks: 5 },
    margin: { left: 42 },
  });
  const curve = plot({
    width,
    height: HEIGHT,
    label: "The loss of every runner after each step, on a logarithmic scale",
    x: { domain: [0, 1], label: "step", ticks: 5 },
    y: { domain: LOSSES, type: "log", label: "loss", ticks: 8, format: powerOfTen },
    margin: { left: 58 },
  });
  const hills = s("g", { "aria-hidden": "true" });
  map.layer.append(hills);
  const stops = Object.fromEntries(
    model.RUNNERS.map((runner) => [
      runner,
      s("path", {
        fill: "none",
        "aria-hidden": "true",
        "stroke-width": 4.5,
        "stroke-linecap": "round",
        style: { stroke: `var(--iml-${LOOKS[runner][0]})` },
      }),
    ]),
  );
  map.layer.append(...Object.values(stops));
  const name = s("text", { x: width - 18, y: 26, "text-anchor": "end", class: "iml-note" });
  map.front.append(name);
  const tall = (map.y(-1) - map.y(1)) / (map.x(1) - map.x(-1));
  /** @type {{ x: [number, number], y: [number, number] }} */
  const limits = { x: [-1, 1], y: [-1, 1] };
  const handle = dragHandle(map, {
    label: "Starting point of all",
    get: () => ui.get("start"),
    set: (point) => ui.set({ start: point.map((value) => Number(value.toFixed(2))) }),
    step: [0.1, 0.1],
    limits,
    describe: ([x, y]) => `θ₁ = ${fixed(x)}, θ₂ = ${fixed(y)}`,
  });

  const ground = () =>
    model.turned(
      model.LANDSCAPES[ui.get("landscape")],
      ui.get("landscape") === "valley" ? ui.get("turn") : 0,
    );
  const degrees = () => (ui.get("landscape") === "valley" ? ui.get("turn") : 0);
  const ticked = () => model.RUNNERS.filter((runner) => ui.get(runner));

  /** The map depends on the landscape alone, so it is drawn once for each. */
  /** @type {string | null} */
  let framed = null;
  function frame() {
    const key = `${ui.get("landscape")} ${degrees()}`;
    if (framed === key) return;
    framed = key;
    const { centre, half, top, loss, lowest, formula } = ground();
    // One scale for both axes: steps then meet the contours at right angles.
    const wide = Math.max(half[0], half[1] / tall);
    limits.x = [centre[0] - wide, centre[0] + wide];
    limits.y = [centre[1] - wide * tall, centre[1] + wide * tall];
    map.setAxes({ x: { domain: limits.x }, y: { domain: limits.y } });
    const values = sampled(loss, limits.x, limits.y, CELLS);
    const unit = (at, [low, high]) => low + ((high - low) * at) / CELLS;
    const closed = (ring) =>
      `${map.path(ring.map(([i, j]) => [unit(i, limits.x), unit(j, limits.y)]))}Z`;
    const parts = [];
    for (let level = LEVELS; level >= 1; level -= 1) {
      // Equal steps of the root: on a parabola, contours at equal distances.
      const rings = model.contours(values, top * (level / LEVELS) ** 2);
      const style = { fill: "var(--iml-gradient)", stroke: "var(--iml-rule)" };
      parts.push(
        s("path", {
          d: rings.map(closed).join(""),
          "fill-opacity": 0.045,
          "fill-rule": "evenodd",
          style,
        }),
      );
    }
    hills.replaceChildren(...parts);
    map.dots("lowest", lowest, { color: "good", r: 5.5 });
    name.textContent =
      ui.get("turn") && ui.get("landscape") === "valley"
        ? `L = ${formula}, turned`
        : `L = ${formula}`;
  }

  // The best rates cost thousands of steps, so they are kept until something that they depend on moves.
  /** @type {Map<string, { rate: number, score: number }>} */
  const best = new Map();
  function bestRate(runner, landscape, turn, start, draws) {
    const settings = { rho: ui.get("rho"), decay: ui.get("decay") };
    const key = JSON.stringify([
      ...[runner, landscape, turn, start, settings],
      ...[ui.get("seed"), ui.get("noise"), draws.length],
    ]);
    const found = best.get(key) ?? model.bestRate(runner, landscape, turn, start, settings, draws);
    if (best.size > 200) best.clear();
    best.set(key, found);
    return found;
  }
  const drawn = () => model.noise(ui.get("seed"), ui.get("noise"), ui.get("steps"));

  function rateOf(runner, draws) {
    if (ui.get("tuned")) {
      return bestRate(runner, ui.get("landscape"), degrees(), ui.get("start"), draws).rate;
    }
    return ui.get(model.ADAPTIVE.includes(runner) ? "adaptive_rate" : "learning_rate");
  }

  const question = () =>
    predict(ui, {
      question:
        "seven optimizers, four landscapes, each optimizer with the best of 31 learning rates. Is one of them first on all four?",
      options: ["Yes, the newest one", "Yes, one with momentum", "No, none is"],
      answer: () => 2,
      explain: () => {
        const draws = drawn();
        /** @type {[string, (typeof model.RUNNERS)[number]][]} */
        const first = Object.keys(model.LANDSCAPES).map((landscape) => {
          const { start } = model.LANDSCAPES[landscape];
          const scores = model.RUNNERS.map(
            (runner) => bestRate(runner, landscape, 0, start, draws).score,
          );
          return [landscape, model.RUNNERS[scores.indexOf(Math.min(...scores))]];
        });
        return winners(first, ui.get("steps"));
      },
    });

  const runners = h(
    "fieldset",
    { class: "iml-control iml-race-runners" },
    h("legend", {}, "Runners"),
    model.RUNNERS.map((runner) =>
      ui.toggle({
        trait: runner,
        label: [NAMES[runner], " ", swatchOf(...LOOKS[runner])],
      }),
    ),
  );
  const landscape = ui.select({
    trait: "landscape",
    label: "Landscape",
    options: Object.entries(LANDSCAPE_NAMES),
  });
  landscape.addEventListener("change", () =>
    ui.set({ start: [...model.LANDSCAPES[ui.get("landscape")].start] }),
  );
  const rate = ui.slider({
    trait: "learning_rate",
    label: "η, SGD and momentum",
    scale: "log",
    format: (value) => significant(value, 3),
  });
  const adaptive = ui.slider({
    trait: "adaptive_rate",
    label: "η, adaptive ones",
    scale: "log",
    format: (value) => significant(value, 3),
  });
  const rho = ui.slider({ trait: "rho", label: "Momentum ρ", step: 0.01, format: fixed });
  const turn = ui.slider({
    trait: "turn",
    label: "Turn the valley",
    step: 5,
    format: (value) => `${value}°`,
  });

  const seed = ui.stepper({ trait: "seed", label: "Seed" });
  const decay = ui.slider({
    trait: "decay",
    label: "AdamW's decay λ",
    step: 0.01,
    format: fixed,
  });

  ui.stage(map.svg, curve.svg);
  ui.controls(
    ...(ui.get("question") ? [question()] : []),
    runners,
    ui.player({ trait: "step", label: "Step", last: () => ui.get("steps"), interval: 90 }),
    rate,
    adaptive,
    rho,
    landscape,
    fold(
      "Best rate for each, noise, a turned valley",
      ui.toggle({ trait: "tuned", label: "Give each its best rate of 31" }),
      ui.slider({ trait: "noise", label: "Noise σ", step: 0.05, format: fixed }),
      seed,
      turn,
      decay,
      ui.slider({ trait: "steps", label: "Steps", step: 10, format: String }),
    ),
    legend([
      ["accent", "start: drag it", "dot"],
      ["good", "lowest loss, 0", "dot"],
    ]),
  );
  const show = (node, shown) => node.style.setProperty("display", shown ? "" : "none");

  return () => {
    frame();
    const [steps, chosen, tuned] = [ui.get("steps"), ticked(), ui.get("tuned")];
    const step = Math.min(ui.get("step"), steps);
    const { gradient, loss } = ground();
    const draws = drawn();
    const settings = { rho: ui.get("rho"), decay: ui.get("decay") };
    show(rate, !tuned && chosen.some((runner) => !model.ADAPTIVE.includes(runner)));
    show(adaptive, !tuned && chosen.some((runner) => model.ADAPTIVE.includes(runner)));
    show(rho, chosen.includes("momentum") || chosen.includes("nesterov"));
    show(turn, ui.get("landscape") === "valley");
    show(seed, ui.get("noise") > 0);
    show(decay, chosen.includes("adamw"));
    curve.setAxes({ x: { domain: [0, steps] } });
    const results = [];
    for (const runner of model.RUNNERS) {
      const [color, kind] = LOOKS[runner];
      const look = { color, dash: kind === "dash" ? "5 3" : null };
      if (!chosen.includes(runner)) {
        map.line(runner, []);
        setAttributes(stops[runner], { d: "" });
        map.dots(`${runner} now`, []);
        curve.line(runner, []);
        curve.dots(`${runner} now`, []);
        continue;
      }
      const own = rateOf(runner, draws);
      const path = model.path(runner, gradient, ui.get("start"), { ...settings, rate: own }, draws);
      const shown = path.slice(0, step + 1);
      const losses = path.map(([x, y]) => loss(x, y));
      const height = (value) =>
        Math.min(10 * LOSSES[1], Math.max(value, LOSSES[0] / 10)) || 10 * LOSSES[1];
      const points = losses.map((value, t) => [t, height(value)]);
      map.line(runner, shown, look);
      // One path for all steps: a dot is a line of no length with a round cap.
      const dots = shown.slice(1, -1).map((point) => map.path([point, point]));
      setAttributes(stops[runner], { d: dots.join("") });
      const diverged = path.length <= step;
      map.dots(`${runner} now`, step > 0 && !diverged ? shown.slice(-1) : [], { color, r: 5 });
      curve.line(runner, points.slice(0, step + 1), look);
      const inside = (at) => points[at][1] >= LOSSES[0] && points[at][1] <= LOSSES[1];
      curve.dots(`${runner} now`, !diverged && inside(step) ? [points[step]] : [], { color, r: 4 });
      results.push({
        runner,
        rate: own,
        loss: diverged ? Number.POSITIVE_INFINITY : losses[step],
        ended: path.length - 1,
      });
    }
    handle();
    ui.readout(standing(results, step, tuned));
  };
}

export default defineWidget({
  name: "OptimizerRace",
  title: "A race of optimizers on one loss",
  linked: [
    ...["landscape", "start", "step", "steps", ...model.RUNNERS],
    ...["learning_rate", "adaptive_rate", "rho", "decay", "tuned", "noise", "seed", "turn"],
  ],
  build,
});
