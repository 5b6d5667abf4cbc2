import {
  defineWidget,
  dragHandle,
  fixed,
  legend,
  plot,
  powerOfTen,
  predict,
  s,
  significant,
} from "../kit/index.js";
import * as model from "./model.js";
import { ranges } from "./ranges.js";

const HEIGHT = 320;
const LEVELS = 9;
const HALF_WIDTH = 4; // of the map, in units of w; more if the start lies further out
const BEYOND = 60; // points this far outside the picture end the drawn path
const GUESSED = 1 / 1000; // the question is about the steps that shrink an error this much

/** The verdict as a sentence, and the reason for it after "η = … is … the bound …". */
const VERDICTS = {
  diverges: ["It diverges.", "every step overshoots by more than the last"],
  "never settles": ["It never settles.", "it jumps back and forth along the steep direction"],
  oscillates: [
    "It oscillates, and converges.",
    "but over 1/\u2060λmax, so each step jumps across the valley to a point less far up",
  ],
  creeps: ["It creeps.", "but so small that over half of the way along the valley is left"],
  converges: ["It converges.", "and under 1/\u2060λmax too, so no step overshoots"],
};

function describe({ step, steps, rate, kind, bound, verdict, now, floor }) {
  const [sentence, reason] = VERDICTS[verdict];
  const side = { diverges: "over", "never settles": "exactly on" }[verdict] ?? "under";
  const link = side === "under" ? ", " : ": ";
  const left = verdict === "creeps" ? ` after ${steps} steps` : "";
  return (
    `${sentence} After ${step} ${step === 1 ? "step" : "steps"} the loss is ` +
    `${significant(now)}; the smallest possible is ${significant(floor)}. ` +
    `η = ${significant(rate, 3)} is ${side} the bound 2/\u2060λmax = ${significant(bound, 3)} of ` +
    `this ${kind}${link}${reason}${left}.`
  );
}

/** The reader guesses how the number of steps depends on η; the answer is in this data's numbers. */
function question(ui) {
  return predict(ui, {
    question: "η grows from very small. What happens to the number of steps to the minimum?",
    options: [
      "It falls until, at once, it diverges",
      "It falls, rises again, and then it diverges",
      "It rises all the way",
    ],
    answer: () => 1,
    explain: () => {
      const [x, kind] = [ui.get("x"), ui.get("kind")];
      const best = model.bestRate(x, kind);
      const bound = model.largestStableRate(x, kind);
      const count = (rate) => model.stepsToShrink(x, rate, GUESSED, kind);
      const small = 0.2 * best;
      const high = best + 0.9 * (bound - best);
      return (
        `To shrink any error to a thousandth takes ${count(small)} steps at η = ` +
        `${significant(small, 3)}, ${count(best)} at ${significant(best, 3)}, the best, ` +
        `${count(high)} at ${significant(high, 3)}, and from ${significant(bound, 3)} on no ` +
        "number is enough."
      );
    },
  });
}

function build(ui) {
  /** @type {() => [number[], number[]]} */
  const data = () => [ui.get("x"), ui.get("y")];
  const width = ui.columns(2, 290);
  const map = plot({
    width,
    height: HEIGHT,
    role: null,
    label: "Contours of the loss over w and b, with the path of gradient descent",
    x: { domain: [-1, 1], label: "weight w", ticks: 5 },
    y: { domain: [-1, 1], label: "intercept b", ticks: 5 },
  });
  const curve = plot({
    width,
    height: HEIGHT,
    label: "Loss after each step, on a logarithmic scale",
    x: { domain: [0, 1], label: "step", ticks: 5 },
    y: { domain: [0.01, 1], type: "log", label: "loss", ticks: 4, format: powerOfTen },
    margin: { left: 58 },
  });
  const strip = ranges({ width: ui.width });
  const { low, high } = ui.forms.start;
  const limits = { x: [low, high], y: [low, high] };

  const tall = (map.y(-1) - map.y(1)) / (map.x(1) - map.x(-1));
  let half = HALF_WIDTH;

  /** The minimum in the middle, and one scale for both axes: steps then meet contours at right angles. */
  function setFrame([w, b]) {
    const [startW, startB] = ui.get("start");
    // It only grows: a window that moved under a dragged point could not be aimed in.
    half = Math.max(half, 1.05 * Math.abs(startW - w), (1.05 * Math.abs(startB - b)) / tall);
    limits.x = [Math.max(low, w - half), Math.min(high, w + half)];
    limits.y = [Math.max(low, b - half * tall), Math.min(high, b + half * tall)];
    map.setAxes({
      x: { domain: [w - half, w + half] },
      y: { domain: [b - half * tall, b + half * tall] },
    });
  }

  function drawContours(best) {
    const { values, vectors } = model.eigen(model.hessian(ui.get("x")));
    const angle = (-Math.atan2(vectors[1][1], vectors[1][0]) * 180) / Math.PI;
    const unit = map.x(1) - map.x(0);
    const ellipses = [];
    for (let level = LEVELS; level >= 1; level -= 1) {
      const excess = 0.5 * values[1] * (level * 0.125 * half) ** 2;
      const radii = values.map((value) => unit * Math.sqrt((2 * excess) / value));
      ellipses.push(
        s("ellipse", {
          rx: radii[1].toFixed(1),
          ry: radii[0].toFixed(1),
          transform: `translate(${map.x(best[0])} ${map.y(best[1])}) rotate(${angle})`,
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
    limits,
    describe: ([w, b]) => `w = ${fixed(w)}, b = ${fixed(b)}`,
  });

  ui.stage(map.svg, curve.svg, strip.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.slider({
      trait: "learning_rate",
      label: "Learning rate η",
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
      ["accent", "start: drag it", "dot"],
      ["gradient", "steps"],
      ["good", "least-squares minimum", "dot"],
    ]),
  );

  return () => {
    const [x, y] = data();
    if (x.length !== y.length) {
      throw new Error(`x has ${x.length} values and y has ${y.length}; they must be paired`);
    }
    const [rate, steps, kind] = [ui.get("learning_rate"), ui.get("steps"), ui.get("kind")];
    const step = Math.min(ui.get("step"), steps);
    const best = model.minimum(x, y);
    const path = model.trajectory(x, y, ui.get("start"), rate, steps, kind);
    setFrame(best);
    drawContours(best);
    const inside = path.slice(0, step + 1);
    const last = inside.findIndex((p) => !(Math.hypot(p[0] - best[0], p[1] - best[1]) <= BEYOND));
    const shown = last < 0 ? inside : inside.slice(0, last + 1);
    map.line("path", shown, { color: "gradient" });
    map.dots("steps", shown.slice(1), { color: "gradient", r: 3 });
    map.dots("minimum", [best], { color: "good", r: 5.5 });
    handle();

    const floor = model.loss(x, y, best, kind);
    const losses = path.map((point) => model.loss(x, y, point, kind));
    const ceiling = Math.min(1e6 * losses[0], Math.max(...losses.filter(Number.isFinite)));
    const low = Math.max(floor, 1e-12 * losses[0]) || 1e-12; // points on one line: the floor is zero
    const top = Math.max(ceiling, 10 * low) * 1.4;
    const points = losses.map((value, i) => [i, Math.max(value, low)]);
    curve.setAxes({
      x: { domain: [0, steps] },
      y: { domain: [low * 0.7, top], label: `loss (${kind})` },
    });
    curve.line("all", points, { color: "rule", width: 1.5 });
    curve.line("done", points.slice(0, step + 1), { color: "training" });
    const height = Number.isFinite(losses[step]) ? Math.min(points[step][1], top) : top;
    curve.dots("now", [[step, height]], { color: "training", r: 5 });
    curve.rule("floor", { y: floor, label: "smallest possible loss", color: "good" });

    const verdict = model.verdict(x, rate, steps, kind);
    strip.update({ borders: model.borders(x, steps, kind), rate, verdict });
    const bound = model.largestStableRate(x, kind);
    ui.readout(describe({ step, steps, rate, kind, bound, verdict, now: losses[step], floor }));
  };
}

export default defineWidget({
  name: "GradientDescent",
  title: "Gradient descent on the squared loss of a line",
  linked: ["learning_rate", "start", "step", "kind"],
  build,
});
