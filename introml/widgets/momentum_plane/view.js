import {
  defineWidget,
  dragHandle,
  fixed,
  legend,
  plot,
  predict,
  s,
  significant,
  thousands,
} from "../kit/index.js";
import * as model from "./model.js";

const HEIGHT = 320;
const RINGS = 7;
const PART = 1 / 1000; // the read-out counts the steps that shrink every error this much
const NAMES = { flat: "flattest", steep: "steepest" };
const COLORS = { flat: "blue", steep: "orange" };

/** @type {Record<model.Verdict, string>} */
const DOES = {
  "creeps in": "comes in from one side",
  swings: "swings through the minimum and back",
  flips: "jumps across at every step",
  diverges: "diverges",
  "never settles": "never settles",
};

function describe(product, rho, condition) {
  const best = model.best(condition);
  const rate = model.rate(product, rho, condition);
  const does = /** @type {const} */ (["flat", "steep"]).map((name) => {
    const own = name === "flat" ? product / condition : product;
    return `along the ${NAMES[name]} direction the error ${DOES[model.verdict(own, rho)]}`;
  });
  const outcome =
    rate < 1
      ? `In the long run a step leaves ${significant(rate, 3)} of the error, and a thousandth is ` +
        `left after ${thousands(model.stepsToShrink(product, rho, condition, PART))} steps`
      : `No number of steps is enough: a step leaves ${significant(rate, 3)} of the error`;
  const [one, two] = does;
  const sentence = `${one[0].toUpperCase()}${one.slice(1)}, ${two}.`;
  return `${sentence} ${outcome}; the best pair leaves ${significant(best.rate, 3)}, and without momentum ${significant(best.plain.rate, 3)} is the best.`;
}

function question(ui) {
  return predict(ui, {
    question:
      "a valley is 100 times as steep across as along. How many times fewer steps can momentum need than plain descent?",
    options: ["Hardly fewer", "6 to 10 times fewer", "100 times fewer"],
    answer: () => 1,
    explain: () => {
      const best = model.best(100);
      const [few, many, fewer, more] = [PART, PART ** 3].flatMap((part) => [
        model.stepsToShrink(best.product, best.rho, 100, part),
        model.stepsToShrink(best.plain.product, 0, 100, part),
      ]);
      return (
        `To a thousandth of the error it takes ${few} steps at the best pair (the green dot), and ` +
        `${many} without momentum; to a billionth, ${fewer} and ${thousands(more)}. The more ` +
        "steps, the nearer to 10 times, the root of 100."
      );
    },
  });
}

function build(ui) {
  const width = ui.columns(2, 290);
  const plane = plot({
    width,
    height: HEIGHT,
    role: null,
    label: "The pairs of learning rate and momentum that converge; the darker, the faster",
    x: { domain: [0, 4], label: "ηλmax", ticks: [0, 1, 2, 3, 4] },
    y: { domain: [0, 1], label: "momentum ρ", ticks: 5 },
  });
  const chart = plot({
    width,
    height: HEIGHT,
    label: "The errors along the two directions step by step, or the roots in the complex plane",
    x: { domain: [0, 1], label: "step", ticks: 5 },
    y: { domain: [-1.15, 1.15], label: "error", ticks: [-1, -0.5, 0, 0.5, 1] },
    margin: { left: 58 },
  });
  // So that circles are round.
  const [across, up] = [chart.x(1) - chart.x(0), chart.y(-1.15) - chart.y(1.15)];
  const [wide, high] = [Math.max(1, across / up), Math.max(1, up / across)];
  const hills = s("g", { "aria-hidden": "true" });
  plane.layer.append(hills);
  const { low, high: most } = ui.forms.product;
  const handle = dragHandle(plane, {
    label: "Learning rate and momentum",
    get: () => [ui.get("product"), ui.get("rho")],
    set: ([product, rho]) =>
      ui.set({ product: Number(product.toFixed(3)), rho: Number(rho.toFixed(3)) }),
    step: [0.05, 0.01],
    limits: { x: [low, most], y: [0, 1] },
    describe: ([product, rho]) => `ηλmax = ${fixed(product)}, ρ = ${fixed(rho)}`,
  });
  const circle = (radius) =>
    Array.from({ length: 91 }, (_, i) => {
      const angle = (2 * Math.PI * i) / 90;
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    });

  ui.stage(plane.svg, chart.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.slider({
      trait: "product",
      label: "ηλmax",
      step: 0.01,
      format: (value) => significant(value, 3),
    }),
    ui.slider({
      trait: "rho",
      label: "Momentum ρ",
      step: 0.005,
      format: (value) => fixed(value, 3),
    }),
    ui.slider({
      trait: "condition",
      label: "Condition number κ",
      scale: "log",
      format: (value) => significant(value, 3),
    }),
    ui.choice({
      trait: "view",
      label: "Show",
      options: [
        ["errors", "errors"],
        ["roots", "roots"],
      ],
    }),
    ui.button({
      label: "Go to the best pair",
      onpress: () => {
        const { product, rho } = model.best(ui.get("condition"));
        ui.set({ product, rho });
      },
    }),
    legend([
      ["accent", "the pair: drag it", "dot"],
      ["good", "best pair", "dot"],
      ["blue", "flattest direction"],
      ["orange", "steepest direction"],
    ]),
  );

  function drawPlane(condition) {
    const best = model.best(condition);
    const parts = [];
    for (let ring = RINGS; ring >= 1; ring -= 1) {
      const share = best.rate + ((1 - best.rate) * ring) / RINGS;
      const corners = model.region(share, condition);
      const style = { fill: "var(--iml-good)", stroke: "var(--iml-rule)" };
      parts.push(
        s("path", { d: `${plane.path([...corners, corners[0]])}`, "fill-opacity": 0.09, style }),
      );
    }
    hills.replaceChildren(...parts);
    const shares = Array.from({ length: 101 }, (_, i) => i / 100);
    const flat = shares.map((root) => [condition * (1 - root) ** 2, root ** 2]);
    const steep = shares.map((root) => [(1 + root) ** 2, root ** 2]);
    plane.line(
      "bound",
      [
        [2, 0],
        [4, 1],
      ],
      { color: "bad", width: 1.5 },
    );
    plane.line("flat", flat, { color: COLORS.flat, width: 1.5, dash: "5 3" });
    plane.line("steep", steep, { color: COLORS.steep, width: 1.5, dash: "5 3" });
    plane.dots("best", [[best.product, best.rho]], { color: "good", r: 5.5 });
  }

  function drawErrors(products, rho) {
    const steps = ui.get("steps");
    chart.setAxes({
      x: { domain: [0, steps], label: "step", ticks: 5 },
      y: { domain: [-1.15, 1.15], label: "error", ticks: [-1, -0.5, 0, 0.5, 1] },
    });
    for (const [name, product] of products) {
      const points = model.errors(product, rho, steps).map((error, t) => [t, error]);
      chart.line(name, points, { color: COLORS[name], width: 1.5 });
      chart.dots(
        `${name} dots`,
        points.filter(([, error]) => Math.abs(error) < 1.15),
        { color: COLORS[name], r: 2.2 },
      );
    }
    for (const name of ["unit", "root"]) chart.line(name, []);
  }

  function drawRoots(products, rho) {
    chart.setAxes({
      x: { domain: [-1.2 * wide, 1.2 * wide], label: "real part", ticks: [-1, 0, 1] },
      y: { domain: [-1.2 * high, 1.2 * high], label: "imaginary part", ticks: [-1, 0, 1] },
    });
    chart.line("unit", circle(1), { color: "bad", width: 1.5 });
    chart.line("root", circle(Math.sqrt(rho)), { color: "reference", width: 1.5, dash: "4 3" });
    for (const [name, product] of products) {
      chart.line(name, []);
      chart.dots(`${name} dots`, model.roots(product, rho), { color: COLORS[name], r: 5 });
    }
  }

  return () => {
    const [product, rho, condition] = [ui.get("product"), ui.get("rho"), ui.get("condition")];
    const products = /** @type {["flat" | "steep", number][]} */ ([
      ["flat", product / condition],
      ["steep", product],
    ]);
    drawPlane(condition);
    handle();
    if (ui.get("view") === "errors") drawErrors(products, rho);
    else drawRoots(products, rho);
    ui.readout(describe(product, rho, condition));
  };
}

export default defineWidget({
  name: "MomentumPlane",
  title: "Momentum on a parabola, for every learning rate and momentum",
  linked: ["product", "rho", "condition", "steps", "view"],
  build,
});
