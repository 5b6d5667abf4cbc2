import { defineWidget, legend, plot, predict, s, significant, thousands } from "../kit/index.js";
import * as model from "./model.js";
import { describe, rate } from "./wording.js";

const FORMATS = ["fp32", "tf32", "bf16"];
/** FLOPs a byte at the ends of the axis. */
const INTENSITIES = /** @type {[number, number]} */ ([0.05, 20_000]);
/** FLOP/s at the ends of the axis. */
const RATES = /** @type {[number, number]} */ ([2e9, 8e15]);

function question(ui) {
  return predict(ui, {
    question:
      "one row of numbers goes through this layer. What share of its peak does the GPU reach at most?",
    options: ["nearly all", "about a third", "less than one percent"],
    spoilt: true,
    answer: () => 2,
    explain: () =>
      "Each weight is read from memory, used for one product and one sum, and not needed again.",
  });
}

function build(ui) {
  const { width, narrow } = ui;
  const machines = ui.get("machines");
  const chart = plot({
    width,
    height: narrow ? 320 : 360,
    label: "Roofline: FLOPs a second against FLOPs a byte, both logarithmic",
    x: {
      domain: INTENSITIES,
      type: "log",
      label: narrow ? "FLOPs a byte" : "intensity: FLOPs for each byte that is moved",
      ticks: [0.1, 1, 10, 100, 1000, 10_000],
      format: (value) => significant(value, 5),
    },
    y: {
      domain: RATES,
      type: "log",
      label: "FLOP/s",
      ticks: [1e10, 1e11, 1e12, 1e13, 1e14, 1e15],
      format: (value) => rate(value).replace("FLOP/s", ""),
    },
    margin: { left: 60 },
  });
  const own = s("g", { "aria-hidden": "true" });
  const names = s("g", { "aria-hidden": "true", class: "iml-note" });
  chart.front.append(own, names);

  ui.stage(chart.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.slider({ trait: "batch", label: "Rows at once", scale: "log", format: thousands }),
    ui.slider({ trait: "width", label: "Width of the layer", scale: "log", format: thousands }),
    ...(machines.length > 1
      ? [
          ui.choice({
            trait: "machine",
            label: "Machine",
            options: machines.map(({ name }) => [name, name]),
          }),
        ]
      : []),
    ui.choice({
      trait: "format",
      label: "Numbers",
      options: FORMATS.map((format) => [format, format]),
    }),
    ui.toggle({ trait: "measured", label: "Measured", hint: "products that somebody timed" }),
    legend([
      ["slate", "the roof", "line"],
      ["blue", "this layer, at most", "dot"],
    ]),
  );

  return () => {
    const chosen = machines.find(({ name }) => name === ui.get("machine"));
    const machine = machines.length > 1 ? chosen : machines[0];
    const place = 1 + FORMATS.indexOf(ui.get("format"));
    const stated = ui
      .get("peaks")
      .find((peak) => peak.name === machine.name && peak.format === place);
    own.replaceChildren();
    names.replaceChildren();
    if (!stated) {
      chart.line("roof", [], { color: "slate" });
      chart.dots("layer", [], { color: "blue" });
      ui.readout(`For the ${machine.name} no ${ui.get("format")} peak is published.`);
      return;
    }
    const peak = stated.flops;
    const { bandwidth } = machine;
    const [left, right] = INTENSITIES;
    const balance = model.ridge(peak, bandwidth);
    const at = (intensity) => [intensity, model.attainable(intensity, peak, bandwidth)];
    chart.line("roof", [at(left), at(balance), at(right)], { color: "slate" });
    const { intensity } = model.product(ui.get("batch"), ui.get("width"), place);
    const flops = model.attainable(intensity, peak, bandwidth);
    chart.dots("layer", [[intensity, flops]], { color: "blue", r: 7 });
    names.append(
      s(
        "text",
        { x: chart.x(right) - 6, y: chart.y(peak) - 8, "text-anchor": "end" },
        `${rate(peak)}`,
      ),
    );
    if (ui.get("measured")) {
      const timed = ui
        .get("dots")
        .filter((dot) => dot.name === machine.name && dot.format === place);
      own.append(
        ...timed.map((dot) => {
          const [x, y] = [chart.x(dot.intensity), chart.y(dot.flops)];
          const d = `M${x - 5},${y - 5}L${x + 5},${y + 5}M${x - 5},${y + 5}L${x + 5},${y - 5}`;
          return s("path", { d, "stroke-width": 2.2, style: { stroke: "var(--iml-rose)" } });
        }),
      );
    }
    ui.readout(
      describe({
        machine: machine.name,
        format: ui.get("format"),
        batch: ui.get("batch"),
        width: ui.get("width"),
        intensity,
        balance,
        flops,
        peak,
        enough: model.balancedBatch(ui.get("width"), place, peak, bandwidth),
      }),
    );
  };
}

export default defineWidget({
  name: "Roofline",
  title: "The roofline of a processor",
  linked: ["machine", "format", "batch", "width", "measured"],
  build,
});
