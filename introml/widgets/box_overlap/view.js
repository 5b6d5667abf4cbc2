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

/** The field, and the true box in it. */
const [ACROSS, DOWN] = [10, 8];
/** @type {model.Box} */
const TRUTH = [1, 1, 5, 5];
const MARGIN = { top: 8, right: 10, bottom: 24, left: 24 };
const SMALLEST = 1;

const half = (/** @type {number} */ value) => Math.round(value * 2) / 2;
const count = (/** @type {number} */ to) => Array.from({ length: to + 1 }, (_, i) => i);
const cells = (/** @type {number} */ area) =>
  `${significant(area, 4)} ${area === 1 ? "cell" : "cells"}`;

function question(ui) {
  return predict(ui, {
    question:
      "the guess has the right size, and is off by a quarter of its side to the right and below. " +
      "How much of the area that the two boxes cover together do they share?",
    options: ["75%", "56%", "39%"],
    answer: () => 2,
    explain: (chosen) =>
      chosen === 0
        ? "Three quarters of the width and three quarters of the height are shared, and that is 9 of " +
          "16 cells of each box. Together the boxes cover 23 cells, so 9/23 = 39%."
        : "9 of the 16 cells of each box are shared, which is 56% of one box. But together they cover " +
          "16 + 16 − 9 = 23 cells, and 9/23 = 39%.",
  });
}

function build(ui) {
  const { width } = ui;
  const unit = Math.min(56, (width - MARGIN.left - MARGIN.right) / ACROSS);
  const chart = plot({
    width: Math.round(unit * ACROSS) + MARGIN.left + MARGIN.right,
    height: Math.round(unit * DOWN) + MARGIN.top + MARGIN.bottom,
    role: null,
    label: "A true box and a guess on a field of cells",
    x: { domain: [0, ACROSS], ticks: count(ACROSS) },
    y: { domain: [DOWN, 0], ticks: count(DOWN) },
    margin: MARGIN,
  });
  const rectangle = (/** @type {object} */ look) => {
    const node = s("rect", { "aria-hidden": "true", ...look });
    chart.layer.append(node);
    return node;
  };
  const waste = { "fill-opacity": 0.28, style: { fill: "var(--iml-error)" } };
  const [wasteOfTruth, wasteOfGuess] = [rectangle(waste), rectangle(waste)];
  const common = rectangle({ style: { fill: "var(--iml-prediction)" } });
  const truth = rectangle({ fill: "none", "stroke-width": 3, style: { stroke: "var(--iml-ink)" } });
  const guess = rectangle({
    fill: "none",
    "stroke-width": 3,
    "stroke-dasharray": "8 4",
    style: { stroke: "var(--iml-ink)" },
  });

  const place = (/** @type {SVGElement} */ node, /** @type {model.Box | null} */ box) => {
    const [left, top, right, low] = box ?? [0, 0, 0, 0];
    node.setAttribute("x", chart.x(left).toFixed(1));
    node.setAttribute("y", chart.y(top).toFixed(1));
    node.setAttribute("width", (chart.x(right) - chart.x(left)).toFixed(1));
    node.setAttribute("height", (chart.y(low) - chart.y(top)).toFixed(1));
  };
  const size = () => [ui.get("width"), ui.get("height")];
  const corner = () => [ui.get("left"), ui.get("top")];
  /** @returns {model.Box} */
  const box = () => [
    ui.get("left"),
    ui.get("top"),
    ui.get("left") + ui.get("width"),
    ui.get("top") + ui.get("height"),
  ];
  const within = (
    /** @type {number} */ value,
    /** @type {number} */ low,
    /** @type {number} */ high,
  ) => Math.max(low, Math.min(value, high));

  const middle = dragHandle(chart, {
    label: "The guess, by its middle",
    get: () => corner().map((edge, i) => edge + size()[i] / 2),
    set: ([x, y]) => {
      const [w, h] = size();
      ui.set({
        left: within(half(x - w / 2), 0, ACROSS - w),
        top: within(half(y - h / 2), 0, DOWN - h),
      });
    },
    step: [0.5, -0.5],
    limits: { x: [0, ACROSS], y: [0, DOWN] },
    describe: () => {
      const [left, top] = corner();
      return `left edge at ${significant(left, 3)}, upper edge at ${significant(top, 3)}`;
    },
  });
  const end = dragHandle(chart, {
    label: "Lower right corner of the guess",
    get: () => box().slice(2),
    set: ([x, y]) => {
      const [left, top] = corner();
      ui.set({
        width: within(half(x - left), SMALLEST, ACROSS - left),
        height: within(half(y - top), SMALLEST, DOWN - top),
      });
    },
    step: [0.5, -0.5],
    limits: { x: [0, ACROSS], y: [0, DOWN] },
    describe: () => {
      const [w, h] = size();
      return `${significant(w, 3)} wide, ${significant(h, 3)} high`;
    },
    r: 6,
  });

  ui.stage(chart.svg);
  ui.controls(
    legend([
      ["ink", "true box"],
      ["ink", "guess", "dash"],
      ["prediction", "shared", "dot"],
      ["error", "missed, or too much", "dot"],
    ]),
    ...(ui.get("question") ? [question(ui)] : []),
    ui.slider({ trait: "threshold", label: "A hit from", step: 0.05 }),
  );
  place(truth, TRUTH);
  place(wasteOfTruth, TRUTH);

  return () => {
    const now = box();
    const { both, together, iou } = model.overlap(TRUTH, now);
    place(wasteOfGuess, now);
    place(guess, now);
    place(common, model.shared(TRUTH, now));
    middle();
    end();
    const limit = ui.get("threshold");
    const verdict = `a threshold of ${significant(limit)} calls it a ${iou >= limit ? "hit" : "miss"}`;
    ui.readout(
      both === 0
        ? `They share nothing, so the IoU is 0, and ${verdict}.`
        : `They share ${cells(both)}, and together they cover ${cells(together)}. The IoU is ` +
            `${significant(both, 4)}/${significant(together, 4)} = ${fixed(iou)}, and ${verdict}.`,
    );
  };
}

export default defineWidget({
  name: "BoxOverlap",
  title: "How well two boxes agree",
  linked: ["left", "top", "width", "height", "threshold"],
  build,
});
