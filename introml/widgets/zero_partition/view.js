import { defineWidget, legend, plot, predict, s } from "../kit/index.js";
import * as model from "./model.js";
import { amount, describe, describeWhole, size } from "./wording.js";

const PARTS = /** @type {const} */ ([
  ["parameters", "blue"],
  ["gradients", "orange"],
  ["states", "green"],
]);
const RECIPES = [
  ["mixed", "mixed, bf16"],
  ["fp32", "fp32"],
];

/** The setting that the question is about, that of a figure whose traits nobody has set. */
const OPENING = JSON.stringify([
  { parameters: 7e9, ranks: 4, stage: 0, recipe: "mixed" },
  "H100 SXM",
]);

function settingOf(ui) {
  const [parameters, ranks] = [ui.get("parameters"), ui.get("ranks")];
  return { parameters, ranks, stage: ui.get("stage"), recipe: ui.get("recipe") };
}

function question(ui) {
  return predict(ui, {
    question:
      "a rank holds parameters, their gradients, and what Adam keeps. Which of the three is largest?",
    options: ["the parameters", "the gradients", "what Adam keeps"],
    answer: () => 2,
    explain: () => {
      const { states, total } = model.held({ ...settingOf(ui), stage: 0 });
      return (
        `Adam keeps ${size(states)} of ${size(total)}: two averages for each parameter, in ` +
        "32 bits, and in mixed precision a finer copy of it as well."
      );
    },
  });
}

function build(ui) {
  const { width, narrow } = ui;
  const machine = () => {
    const found = ui.get("catalogue").find(({ name }) => name === ui.get("gpu"));
    if (!found) throw new Error(`the catalogue has no GPU ${JSON.stringify(ui.get("gpu"))}`);
    return found;
  };
  const unmoved = () =>
    ui.get("question") && JSON.stringify([settingOf(ui), ui.get("gpu")]) === OPENING;

  const chart = plot({
    width,
    height: narrow ? 270 : 310,
    label: "A bar for each rank: the bytes that it holds, against the memory of its GPU",
    x: { domain: [0, 1], ticks: [], label: "rank" },
    y: { domain: [0, 1], label: "" },
    margin: { left: 62, right: 80, bottom: 42 },
  });
  const bars = s("g", { "aria-hidden": "true" });
  const words = s("g", { "aria-hidden": "true" });
  chart.layer.append(bars);
  chart.front.append(words);

  ui.stage(chart.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.choice({
      trait: "stage",
      label: "Stage",
      options: [0, 1, 2, 3].map((stage) => [stage, String(stage)]),
    }),
    ui.slider({ trait: "ranks", label: "Ranks n", scale: "log" }),
    ui.slider({ trait: "parameters", label: "Parameters Ψ", scale: "log", format: amount }),
    ui.choice({ trait: "recipe", label: "Numbers", options: RECIPES }),
    ui.select({
      trait: "gpu",
      label: "GPU",
      options: ui.get("catalogue").map(({ name }) => [name, name]),
    }),
    legend([
      ["blue", "parameters", "dot"],
      ["orange", "gradients", "dot"],
      ["green", "optimizer states", "dot"],
      ["ink", "memory of a GPU", "dash"],
    ]),
  );

  function drawBars(held, ranks, whole) {
    const pitch = (chart.x(1) - chart.x(0)) / ranks;
    const wide = Math.min(90, Math.max(2, pitch * (ranks > 16 ? 0.8 : 0.7)));
    const nodes = [];
    const parts = whole ? [["total", "control"]] : PARTS;
    for (let rank = 0; rank < ranks; rank += 1) {
      const middle = chart.x(0) + pitch * (rank + 0.5);
      let from = 0;
      for (const [part, color] of parts) {
        const [bottom, top] = [chart.y(from), chart.y(from + held[part])];
        // What is too low to be seen is drawn a pixel high.
        const height = Math.max(1, bottom - top);
        const style = { fill: `var(--iml-${color})` };
        const place = { x: (middle - wide / 2).toFixed(1), y: top.toFixed(1) };
        nodes.push(
          s("rect", { ...place, width: wide.toFixed(1), height: height.toFixed(1), style }),
        );
        from += held[part];
      }
    }
    bars.replaceChildren(...nodes);
    return pitch;
  }

  return () => {
    const setting = settingOf(ui);
    const { memory, name } = machine();
    const held = model.held(setting);
    const most = Math.max(held.total, memory);
    chart.setAxes({
      y: { domain: [0, 1.12 * most], label: "", ticks: 4, format: (v) => (v ? size(v) : "0") },
    });
    const pitch = drawBars(held, setting.ranks, unmoved());
    const line = chart.y(memory);
    const dashes = { "stroke-width": 2, "stroke-dasharray": "5 4" };
    const ends = { x1: chart.x(0), x2: chart.x(1), y1: line, y2: line };
    const numbered = pitch >= 22;
    const ranks = Array.from({ length: numbered ? setting.ranks : 0 }, (_, rank) =>
      s(
        "text",
        {
          x: (chart.x(0) + pitch * (rank + 0.5)).toFixed(1),
          y: chart.y(0) + 15,
          "text-anchor": "middle",
          class: "iml-note",
        },
        String(rank),
      ),
    );
    const note = { x: chart.x(1) + 8, class: "iml-note" };
    words.replaceChildren(
      // A light line under the dashes, so that they are seen on the bars too.
      s("line", { ...ends, "stroke-width": 4, style: { stroke: "var(--iml-paper)" } }),
      s("line", { ...ends, ...dashes, style: { stroke: "var(--iml-ink)" } }),
      s("text", { ...note, y: line - 3 }, name),
      s("text", { ...note, y: line + 13 }, size(memory)),
      ...ranks,
    );
    if (unmoved()) {
      ui.readout(describeWhole(setting.ranks, held.total));
      return;
    }
    const sent = model.sent(setting);
    const needed = model.ranksToFit(setting, memory);
    const { stage } = setting;
    ui.readout(describe({ stage, ranks: setting.ranks, held, sent, memory, gpu: name, needed }));
  };
}

export default defineWidget({
  name: "ZeroPartition",
  title: "What each rank holds under ZeRO",
  linked: ["stage", "ranks", "parameters", "recipe", "gpu"],
  build,
});
