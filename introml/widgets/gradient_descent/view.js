import { defineWidget, dragHandle, fixed, legend, plot, s, significant } from "../kit/index.js";
import * as model from "./model.js";

const LEVELS = 9;
const BEYOND = 60; // points this far outside the picture end the drawn path

const SENTENCES = {
  diverges: "so every step overshoots by more than the last and it diverges",
  "never settles": "so it jumps back and forth along the steep direction for ever",
  oscillates: "but over 1/λmax, so it oscillates across the valley and still converges",
  creeps: "and so far under it that it creeps: more steps, or a larger η, are needed",
  converges: "so it converges",
};

function build(ui) {
  const data = () => [ui.get("x"), ui.get("y")];
  const height = 320;
  const [mapWidth, curveWidth] = [ui.columns(2, 290), ui.columns(2, 290)];
  const map = plot({
    width: mapWidth,
    height,
    role: null,
    label: "Contours of the loss over w and b, with the path of gradient descent",
    x: { domain: [-1, 1], label: "slope w", ticks: 5 },
    y: { domain: [-1, 1], label: "intercept b", ticks: 5 },
  });
  const curve = plot({
    width: curveWidth,
    height,
    label: "Loss after each step, on a logarithmic scale",
    x: { domain: [0, 1], label: "step", ticks: 5 },
    y: { domain: [0.01, 1], type: "log", label: "loss" },
    margin: { left: 58 },
  });

  /** The window: the minimum in the middle, wide enough for the widest start that can be set. */
  function frame() {
    const [w, b] = model.minimum(...data());
    return { w: [w - 4, w + 4], b: [b - 4, b + 4] };
  }

  function drawContours(best) {
    const { values, vectors } = model.eigen(model.hessian(ui.get("x")));
    const angle = (-Math.atan2(vectors[1][1], vectors[1][0]) * 180) / Math.PI;
    const unit = [map.x(1) - map.x(0), map.y(0) - map.y(1)];
    const ellipses = [];
    for (let level = LEVELS; level >= 1; level -= 1) {
      const excess = 0.5 * values[1] * (level * 0.5) ** 2;
      const radii = values.map((value) => Math.sqrt((2 * excess) / value));
      // Turned in data units first, then scaled to pixels: the axes may differ in scale.
      const place = `translate(${map.x(best[0])} ${map.y(best[1])}) scale(${unit[0]} ${unit[1]}) rotate(${angle})`;
      ellipses.push(
        s("ellipse", {
          rx: radii[1],
          ry: radii[0],
          transform: place,
          "vector-effect": "non-scaling-stroke",
          style: { fill: "var(--iml-gradient)", "fill-opacity": 0.045, stroke: "var(--iml-rule)" },
        }),
      );
    }
    contours.replaceChildren(...ellipses);
  }

  const contours = s("g", { "aria-hidden": "true" });
  map.layer.append(contours);
  const handle = dragHandle(map, {
    label: "Starting point",
    get: () => ui.get("start"),
    set: (point) => ui.set({ start: point.map((value) => Number(value.toFixed(2))) }),
    step: [0.1, 0.1],
    limits: { x: [-10, 10], y: [-10, 10] },
    describe: ([w, b]) => `w = ${fixed(w)}, b = ${fixed(b)}`,
  });

  ui.stage(map.svg, curve.svg);
  ui.controls(
    ui.slider({
      trait: "learning_rate",
      label: "Learning rate η",
      min: 0.001,
      max: 1,
      scale: "log",
      format: (value) => significant(value, 3),
    }),
    ui.player({ trait: "step", label: "Step", last: () => ui.get("steps"), interval: 150 }),
    ui.choice({
      trait: "kind",
      label: "Loss is the",
      options: [
        ["sum", "sum"],
        ["mean", "mean"],
      ],
    }),
    legend([
      ["gradient", "path from the start you set"],
      ["good", "least-squares minimum", "dot"],
    ]),
  );

  return () => {
    const [x, y] = data();
    if (x.length !== y.length) {
      throw new Error(`x has ${x.length} values and y has ${y.length}; they must be paired`);
    }
    const [rate, step, kind] = [ui.get("learning_rate"), ui.get("step"), ui.get("kind")];
    const steps = ui.get("steps");
    const best = model.minimum(x, y);
    const path = model.trajectory(x, y, ui.get("start"), rate, steps, kind);
    const { w, b } = frame();
    map.setAxes({ x: { domain: w }, y: { domain: b } });
    drawContours(best);
    const inside = path.slice(0, step + 1);
    const last = inside.findIndex((p) => Math.hypot(p[0] - best[0], p[1] - best[1]) > BEYOND);
    const shown = last < 0 ? inside : inside.slice(0, last + 1);
    map.line("path", shown, { color: "gradient" });
    map.dots("steps", shown.slice(1), { color: "gradient", r: 3 });
    map.dots("minimum", [best], { color: "good", r: 5.5 });
    handle();

    const floor = model.loss(x, y, best, kind);
    const losses = path.map((point) => model.loss(x, y, point, kind));
    const ceiling = Math.min(1e6 * losses[0], Math.max(...losses.filter(Number.isFinite)));
    curve.setAxes({
      x: { domain: [0, steps] },
      y: { domain: [floor * 0.7, Math.max(ceiling, floor * 10) * 1.4], label: `loss (${kind})` },
    });
    curve.line(
      "all",
      losses.map((value, i) => [i, value]),
      { color: "rule", width: 1.5 },
    );
    curve.line(
      "done",
      losses.slice(0, step + 1).map((value, i) => [i, value]),
      { color: "training" },
    );
    curve.dots("now", [[step, Math.min(losses[step], ceiling * 1.3)]], { color: "training", r: 5 });
    curve.rule("floor", { y: floor, label: "smallest possible loss", color: "good" });

    const bound = model.largestStableRate(x, kind);
    const verdict = model.verdict(x, rate, steps, kind);
    const side = { diverges: "over", "never settles": "exactly on" }[verdict] ?? "under";
    ui.readout(
      `After ${step} steps the loss is ${significant(losses[step])} (the smallest possible is ` +
        `${significant(floor)}). η = ${significant(rate, 3)} is ${side} the bound 2/λmax = ` +
        `${significant(bound, 3)} of this ${kind}, ${SENTENCES[verdict]}.`,
    );
  };
}

export default defineWidget({
  name: "GradientDescent",
  title: "Gradient descent on the squared loss of a line",
  linked: ["learning_rate", "start", "step", "kind"],
  build,
});
