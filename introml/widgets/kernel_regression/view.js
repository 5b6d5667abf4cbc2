import { fold } from "../kit/controls.js";
import {
  defineWidget,
  dragHandle,
  fixed,
  h,
  legend,
  plot,
  predict,
  s,
  significant,
} from "../kit/index.js";
import { clamp, mean } from "../maths/numbers.js";
import * as model from "./model.js";
import { clock, degrees, describe, judge } from "./wording.js";

const GRID = Array.from({ length: 241 }, (_, i) => (model.DAY * i) / 240);
/** @type {{ domain: [number, number], ticks: number[], format: (hours: number) => string }} */
const HOURS = { domain: [-0.4, model.DAY + 0.4], ticks: [0, 6, 12, 18, 24], format: clock };
const ROWS = 4; // readings in the table
const WIDEST = 100; // hours

function build(ui) {
  const setting = () => ({
    ...{ query: ui.get("query"), bandwidth: ui.get("bandwidth"), kernel: ui.get("kernel") },
    ...{ samples: ui.get("samples"), noise: ui.get("noise"), seed: ui.get("seed") },
    truth: ui.get("truth"),
  });
  const measured = () => model.readings(ui.get("samples"), ui.get("noise"), ui.get("seed"));
  const margin = { left: 46 };
  const data = plot({
    width: ui.width,
    height: 280,
    role: null,
    label: "Readings of one day, and the prediction for the hour asked for",
    x: HOURS,
    y: { domain: [2, 26], label: "temperature, °C", ticks: [5, 10, 15, 20, 25] },
    margin: { ...margin, bottom: 24 },
  });
  const bars = plot({
    width: ui.width,
    height: 150,
    label: "The weight of each reading, and the kernel around the hour asked for",
    x: { ...HOURS, label: "hour of the day" },
    y: { domain: [0, 1.05], label: "weight", ticks: [0, 0.5, 1], format: String },
    margin: { ...margin, top: 6 },
  });
  const dots = s("g", { "aria-hidden": "true" });
  const stems = s("g", { "aria-hidden": "true" });
  data.layer.append(dots);
  bars.layer.append(stems);

  const ask = (hour) => ui.set({ query: clamp(Math.round(20 * hour) / 20, 0, model.DAY) });
  for (const chart of [data, bars]) {
    // For the pointer alone: the handle and the slider do the same for the keyboard.
    chart.svg.style.setProperty("cursor", "pointer");
    chart.svg.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest(".iml-handle")) return;
      ask(chart.at(event)[0]);
    });
  }
  const at = () =>
    model.predicted(ui.get("kernel"), ui.get("query"), measured(), ui.get("bandwidth"));
  const handle = dragHandle(data, {
    label: "Hour asked for",
    axis: "x",
    color: "prediction",
    step: [0.25, 0],
    limits: { x: [0, model.DAY] },
    get: () => [ui.get("query"), at() ?? 3],
    set: ([hour]) => ask(hour),
    describe: ([hour]) => clock(hour),
  });

  const table = h("tbody", {});
  const heads = ["hour", "distance", "score", "e to it", "weight"].map((text) =>
    h("th", { scope: "col" }, text),
  );
  const caption = h("p", { class: "iml-kernel-caption" });
  ui.stage(data.svg, bars.svg);
  ui.controls(
    predict(ui, {
      question: `the bandwidth grows to ${WIDEST} hours. What will be predicted for 9:30?`,
      options: ["The nearest reading", "The mean of all readings", "Zero"],
      answer: () => 1,
      explain: () =>
        `Against ${WIDEST} hours no distance within a day counts, so all ${ui.get("samples")} weights ` +
        `are equal, and the prediction is ${degrees(mean(measured().y))} for 9:30 and for any other hour.`,
    }),
    ui.slider({
      trait: "bandwidth",
      label: "Bandwidth σ",
      scale: "log",
      format: (value) => `${significant(value)} h`,
    }),
    ui.slider({ trait: "query", label: "Hour asked for", step: 0.25, format: clock }),
    ui.toggle({ trait: "truth", label: "True temperature" }),
    legend([
      ["training", "readings, sized by weight", "dot"],
      ["prediction", "prediction"],
      ["reference", "truth", "dash"],
    ]),
    fold(
      "The weights as a softmax",
      caption,
      h(
        "table",
        { class: "iml-kernel-table", "aria-label": "The weights of the nearest readings" },
        h("thead", {}, h("tr", {}, heads)),
        table,
      ),
    ),
    fold(
      "Kernel, readings",
      ui.choice({ trait: "kernel", label: "Kernel", options: ["gaussian", "box", "epanechnikov"] }),
      ui.slider({ trait: "samples", label: "Readings", format: String }),
      ui.slider({
        trait: "noise",
        label: "Noise",
        step: 0.1,
        format: (value) => `${fixed(value, 1)} °C`,
      }),
      ui.stepper({ trait: "seed", label: "Day" }),
    ),
  );

  /** The nearest readings, step by step, and all of them together. */
  function fillTable({ kernel, query, bandwidth }, { x }, weights) {
    const gaussian = kernel === "gaussian";
    const scores = model.scores(query, x, bandwidth);
    const raised = scores.map(Math.exp);
    const nearest = [...x.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, ROWS);
    const row = (cells) =>
      h(
        "tr",
        {},
        cells.map((text, i) => h(i === 0 ? "th" : "td", i === 0 ? { scope: "row" } : {}, text)),
      );
    const total = raised.reduce((sum, part) => sum + part, 0);
    caption.textContent = gaussian
      ? `The ${nearest.length} nearest of ${x.length} readings. The score is −distance²/2σ²; the weight is the share of e to the score in the sum of all.`
      : `Only the Gaussian kernel's weights are a softmax of the scores; the last column has those of the ${kernel} kernel.`;
    table.replaceChildren(
      ...nearest.map((i) =>
        row([
          clock(x[i]),
          `${fixed(Math.abs(query - x[i]))} h`,
          significant(scores[i]),
          significant(raised[i]),
          weights ? fixed(weights[i]) : "0/0",
        ]),
      ),
      row(["all", "", "", significant(total), weights ? fixed(1) : "0/0"]),
    );
  }

  let judged = { key: "", best: 0 };
  return () => {
    const now = setting();
    const { query, bandwidth, kernel } = now;
    const readings = measured();
    const { x, y } = readings;
    const weights = model.weights(kernel, query, x, bandwidth);
    const prediction = model.predicted(kernel, query, readings, bandwidth);

    data.line("truth", now.truth ? GRID.map((t) => [t, model.truth(t)]) : [], {
      ...{ color: "reference", width: 2, dash: "5 4" },
    });
    data.line(
      "fit",
      GRID.map((t) => [t, model.predicted(kernel, t, readings, bandwidth) ?? Number.NaN]),
      { color: "prediction", width: 2.5, opacity: 0.75 },
    );
    dots.replaceChildren(
      ...x.map((hour, i) =>
        s("circle", {
          cx: data.x(hour).toFixed(1),
          cy: data.y(y[i]).toFixed(1),
          r: (2.5 + 11 * Math.sqrt(weights?.[i] ?? 0)).toFixed(1),
          style: {
            fill: "var(--iml-training)",
            "fill-opacity": 0.6,
            stroke: "var(--iml-training)",
          },
        }),
      ),
    );
    const upright = { color: "prediction", width: 1.5, dash: "2 4" };
    data.line(
      "query",
      [2, 26].map((y) => [query, y]),
      upright,
    );
    const curve = model.shares(kernel, query, x, bandwidth, GRID);
    bars.line("kernel", curve ? GRID.map((t, i) => [t, curve[i]]) : [], {
      ...{ color: "muted", width: 1.5, dash: "3 3" },
    });
    const foot = bars.y(0).toFixed(1);
    stems.replaceChildren(
      ...x.map((hour, i) => {
        const place = bars.x(hour).toFixed(1);
        return s("line", {
          ...{ x1: place, x2: place, y1: foot, y2: bars.y(weights?.[i] ?? 0).toFixed(1) },
          "stroke-width": 4,
          style: { stroke: "var(--iml-training)" },
        });
      }),
    );
    bars.line(
      "query",
      [0, 1.05].map((y) => [query, y]),
      upright,
    );
    handle();
    fillTable(now, readings, weights);
    const said = [describe({ ...now, readings, weights, prediction })];
    if (now.truth) {
      const key = [kernel, now.samples, now.noise, now.seed].join();
      if (judged.key !== key) judged = { key, best: model.bestBandwidth(kernel, readings) };
      said.push(judge({ ...now, readings, best: judged.best }));
    }
    ui.readout(said.join(" "));
  };
}

export default defineWidget({
  name: "KernelRegression",
  title: "A prediction as a mean of readings, weighted by how near they are",
  linked: ["query", "bandwidth", "kernel", "samples", "noise", "seed", "truth"],
  build,
});
