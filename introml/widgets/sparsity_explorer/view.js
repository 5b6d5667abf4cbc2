import { fold } from "../kit/controls.js";
import {
  defineWidget,
  dragHandle,
  fixed,
  legend,
  plot,
  predict,
  s,
  significant,
} from "../kit/index.js";
import * as model from "./model.js";

const HALF = 2.4;
const MARGIN = { top: 12, right: 14, bottom: 40, left: 50 };
const LEVELS = [0.1, 0.4, 0.9, 1.6, 2.5];
const NAMES = { l1: "L1", l2: "L2" };

/** @param {number} value */
const number = (value) => (value === 0 ? "0" : fixed(value, 2));

/**
 * @param {{ penalty: "l1" | "l2", strength: number, best: number[], w: number[], raised: number }} shown
 */
function describe({ penalty, strength, best, w, raised }) {
  const without = `w₁ = ${number(best[0])} and w₂ = ${number(best[1])}`;
  if (strength === 0)
    return `Without a penalty the minimum is where the loss is smallest: ${without}.`;
  const zeros = w.filter((value) => value === 0).length;
  const said =
    zeros === 2
      ? "Both are exactly 0."
      : zeros === 1
        ? `w${w[0] === 0 ? "₁" : "₂"} is exactly 0.`
        : "Neither is 0.";
  return (
    `With ${NAMES[penalty]} and λ = ${significant(strength, 3)} the minimum is at ` +
    `w₁ = ${number(w[0])} and w₂ = ${number(w[1])}. ${said} It costs ${number(raised)} of loss ` +
    `against the best weights, ${without}.`
  );
}

function build(ui) {
  const width = ui.columns(2, 290);
  // As wide as high inside: a circle must look like one.
  const inner = Math.min(width - MARGIN.left - MARGIN.right, 380);
  const left = width - MARGIN.right - inner;
  const height = inner + MARGIN.top + MARGIN.bottom;
  const { low, high } = ui.forms.best;
  const { low: weakest, high: strongest } = ui.forms.strength;
  const strengths = Array.from({ length: 301 }, (_, i) => (i * strongest) / 300);
  const plane = plot({
    width,
    height,
    role: null,
    label: "The loss over two weights, the penalty’s outline, and the minimum of their sum",
    x: { domain: [-HALF, HALF], label: "weight w₁", ticks: [-2, -1, 0, 1, 2] },
    y: { domain: [-HALF, HALF], label: "weight w₂", ticks: [-2, -1, 0, 1, 2] },
    margin: { ...MARGIN, left: Math.min(left, MARGIN.left), right: width - inner - MARGIN.left },
  });
  const paths = plot({
    width,
    height,
    role: null,
    label: "Both weights at the minimum, for each strength of the penalty",
    x: { domain: [weakest, strongest], label: "strength λ", ticks: [0, 1, 2, 3] },
    y: { domain: [-HALF, HALF], label: "weights at the minimum", ticks: [-2, -1, 0, 1, 2] },
    margin: MARGIN,
  });
  plane.layer.append(
    s(
      "g",
      { "aria-hidden": "true", "stroke-width": 1, style: { stroke: "var(--iml-muted)" } },
      s("line", { x1: plane.x(-HALF), x2: plane.x(HALF), y1: plane.y(0), y2: plane.y(0) }),
      s("line", { x1: plane.x(0), x2: plane.x(0), y1: plane.y(-HALF), y2: plane.y(HALF) }),
    ),
  );
  const allowed = s("path", {
    "stroke-width": 2,
    style: { fill: "var(--iml-accent)", "fill-opacity": 0.12, stroke: "var(--iml-accent)" },
  });
  plane.layer.append(allowed);

  const target = dragHandle(plane, {
    label: "Best weights without a penalty",
    get: () => ui.get("best"),
    set: (point) => ui.set({ best: point.map((value) => Number(value.toFixed(2))) }),
    step: [0.1, 0.1],
    limits: { x: [low, high], y: [low, high] },
    describe: ([a, b]) => `w₁ = ${number(a)}, w₂ = ${number(b)}`,
    color: "training",
  });
  ui.stage(plane.svg, paths.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.choice({
      trait: "penalty",
      label: "Penalty",
      options: [
        ["l1", "L1: |w₁| + |w₂|"],
        ["l2", "L2: squares"],
      ],
    }),
    ui.slider({
      trait: "strength",
      label: "Strength λ",
      step: 0.01,
      format: (value) => significant(value, 3),
    }),
    legend([
      ["training", "loss alone; drag its minimum"],
      ["accent", "equal penalty"],
      ["good", "minimum of both, and where it has been", "dot"],
      ["reference", "w₁"],
      ["gradient", "w₂", "dash"],
    ]),
    fold(
      "Correlated features",
      ui.slider({
        trait: "correlation",
        label: "Correlation",
        step: 0.05,
        format: (value) => fixed(value, 2),
      }),
    ),
  );

  return () => {
    const [penalty, strength] = [ui.get("penalty"), ui.get("strength")];
    const [best, correlation] = [ui.get("best"), ui.get("correlation")];
    const w = model.minimum(penalty, strength, best, correlation);
    const raised = model.loss(w, best, correlation);
    for (const [index, level] of LEVELS.entries()) {
      plane.line(`level ${index}`, model.contour(level, best, correlation), {
        ...{ color: "training", width: 1, opacity: 0.4 },
      });
    }
    plane.line("met", model.contour(raised, best, correlation), { color: "training" });
    allowed.setAttribute("d", plane.path(model.outline(penalty, w)));
    const walked = strengths.filter((value) => value < strength);
    const trail = [...model.path(penalty, best, correlation, walked), w];
    plane.line("trail", trail, { color: "good", width: 2, dash: "2 3" });
    plane.dots("minimum", [w], { color: "good", r: 6 });
    target();

    const all = model.path(penalty, best, correlation, strengths);
    const series = (/** @type {0 | 1} */ which) => all.map((at, i) => [strengths[i], at[which]]);
    paths.line("first", series(0), { color: "reference", width: 2.5 });
    paths.line("second", series(1), { color: "gradient", width: 2.5, dash: "6 4" });
    paths.rule("strength", { x: strength, color: "accent", dash: null });
    paths.dots(
      "now",
      [0, 1].map((which) => [strength, w[which]]),
      { color: "good", r: 5 },
    );
    ui.readout(describe({ penalty, strength, best, w, raised }));
  };
}

function question(ui) {
  return predict(ui, {
    question: "λ grows. Which penalty makes a weight exactly 0 while the other is not?",
    options: ["L1, with the diamond", "L2, with the circle", "Both, sooner or later"],
    answer: () => 0,
    explain: () => {
      const [best, correlation] = [ui.get("best"), ui.get("correlation")];
      const at = (/** @type {"l1" | "l2"} */ penalty, /** @type {number} */ strength) =>
        model.minimum(penalty, strength, best, correlation).map(number).join(" and ");
      return (
        `At λ = 1 the weights are ${at("l1", 1)} with L1 and ${at("l2", 1)} with L2; at λ = 3, ` +
        `${at("l1", 3)} and ${at("l2", 3)}. The diamond has corners, and they lie on the axes.`
      );
    },
  });
}

export default defineWidget({
  name: "SparsityExplorer",
  title: "Where a penalty on the weights moves the minimum",
  linked: ["penalty", "strength", "best", "correlation"],
  build,
});
