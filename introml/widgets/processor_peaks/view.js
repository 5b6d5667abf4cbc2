import {
  defineWidget,
  legend,
  plot,
  predict,
  s,
  setAttributes,
  significant,
} from "../kit/index.js";
import { placeNames } from "../kit/labels.js";
import { roving } from "../kit/roving.js";
import * as model from "./model.js";
import { bandwidth, describeNone, describePeak, describeReached, rate } from "./wording.js";

const COLORS = ["orange", "blue", "green"];
const KINDS = ["CPU", "GPU", "TPU"];
const FORMATS = ["fp32", "tf32", "bf16"];
const BF16 = 3;
/** TB/s and TFLOP/s at the ends of the axes. */
const BANDWIDTHS = [0.22, 13];
const RATES = [3, 8000];
const RADIUS = 7;

function question(ui) {
  return predict(ui, {
    question: "the H100 has 352 times the cores of the Xeon. How many times its peak in fp32?",
    options: ["about 10", "about 350", "more than 1,000"],
    answer: () => 0,
    explain: () => {
      const flops = (name) => model.recordOf(ui.get("peaks"), name, 1, 1)?.flops ?? 0;
      const ratio = flops("H100 SXM") / flops("Xeon 8558");
      return (
        `It is ${significant(ratio, 2)}. What is sold as a core of a GPU is far less than a ` +
        "core of a CPU."
      );
    },
  });
}

function build(ui) {
  const { width, narrow } = ui;
  const machines = ui.get("machines");
  const chart = plot({
    width,
    height: narrow ? 340 : 380,
    role: null,
    label: "Peak of processors against the bandwidth of their memory, both logarithmic",
    x: {
      domain: /** @type {[number, number]} */ (BANDWIDTHS),
      type: "log",
      label: "bandwidth of the memory, TB/s",
      ticks: [0.3, 1, 3, 10],
      format: (value) => significant(value, 2),
    },
    y: {
      domain: /** @type {[number, number]} */ (RATES),
      type: "log",
      label: narrow ? "peak, TFLOP/s" : "peak, TFLOPs a second",
      ticks: [10, 100, 1000],
      format: (value) => significant(value, 4),
    },
    margin: { left: 52 },
  });
  const bars = s("g", { "aria-hidden": "true" });
  const list = s("g", { role: "listbox", "aria-label": "Processors" });
  const names = s("g", { "aria-hidden": "true", class: "iml-note" });
  chart.layer.append(bars);
  chart.front.append(list, names);

  const place = () => 1 + FORMATS.indexOf(ui.get("format"));
  const density = () => (ui.get("sparse") ? 2 : 1);
  const flopsOf = (i) =>
    model.recordOf(ui.get("peaks"), machines[i].name, place(), density())?.flops ?? 0;
  const ranked = () => model.ranking(machines, ui.get("peaks"), place(), density());
  const looked = () => (ui.get("chosen") >= 0 ? ui.get("chosen") : (ranked()[0] ?? -1));

  // Arrow keys walk by bandwidth, which doesn't hang on the format.
  const order = machines
    .map((_, i) => i)
    .sort((a, b) => machines[a].bandwidth - machines[b].bandwidth);
  const nodes = order.map((i) =>
    s("circle", {
      role: "option",
      class: "iml-cell",
      style: { fill: `var(--iml-${COLORS[machines[i].kind - 1]})`, cursor: "pointer" },
    }),
  );
  list.replaceChildren(...nodes);
  const redraw = roving(nodes, {
    current: () => order.indexOf(looked()),
    choose: (at) => ui.set({ chosen: order[at] }),
    clear: () => ui.set({ chosen: -1 }),
  });

  ui.stage(chart.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.choice({
      trait: "format",
      label: "Numbers",
      options: FORMATS.map((format) => [format, format]),
    }),
    ui.toggle({ trait: "sparse", label: "With sparsity", hint: "skipped products count too" }),
    ui.toggle({ trait: "measured", label: "Measured", hint: "what somebody reached, dense bf16" }),
    legend(KINDS.map((text, i) => [COLORS[i], text, "dot"])),
  );

  /** The published measurement of a processor, if it is asked for and fits the format. */
  const reachedBy = (i) =>
    ui.get("measured") && place() === BF16
      ? (ui.get("reached").find(({ name }) => name === machines[i].name)?.flops ?? 0)
      : 0;

  return () => {
    const one = looked();
    for (const [at, i] of order.entries()) {
      const flops = flopsOf(i);
      const shown = flops > 0;
      setAttributes(nodes[at], {
        cx: chart.x(machines[i].bandwidth / 1e12).toFixed(1),
        cy: chart.y(shown ? flops / 1e12 : RATES[0]).toFixed(1),
        r: RADIUS,
        opacity: shown ? null : 0.2,
        "aria-label": shown
          ? `${machines[i].name}, ${rate(flops)}, ${bandwidth(machines[i].bandwidth)}`
          : `${machines[i].name}, no such peak`,
        "stroke-width": i === one ? 2.5 : 1,
      });
      nodes[at].style.setProperty("stroke", i === one ? "var(--iml-ink)" : "var(--iml-raised)");
    }
    redraw();
    bars.replaceChildren(
      ...order.flatMap((i) => {
        const [flops, reached] = [flopsOf(i), reachedBy(i)];
        if (!flops || !reached) return [];
        const x = chart.x(machines[i].bandwidth / 1e12);
        const y = chart.y(reached / 1e12);
        const style = { stroke: "var(--iml-ink)" };
        return [
          s("line", { x1: x, x2: x, y1: chart.y(flops / 1e12), y2: y, "stroke-width": 1.5, style }),
          s("line", { x1: x - 8, x2: x + 8, y1: y, y2: y, "stroke-width": 2.5, style }),
        ];
      }),
    );
    const visible = ranked();
    const named = [...new Set([one, ...visible])].filter((i) => i >= 0 && flopsOf(i) > 0);
    const dots = named.map((i) => ({
      x: chart.x(machines[i].bandwidth / 1e12),
      y: chart.y(flopsOf(i) / 1e12),
      r: RADIUS,
      name: machines[i].name,
    }));
    const [left, right] = BANDWIDTHS.map(chart.x);
    const [bottom, top] = RATES.map(chart.y);
    const frame = { x: left, y: top, width: right - left, height: bottom - top };
    const placed = placeNames(dots, frame);
    names.replaceChildren(
      ...placed.flatMap((at, k) =>
        at
          ? [
              s(
                "text",
                {
                  x: at.x.toFixed(1),
                  y: at.y.toFixed(1),
                  "text-anchor": at.anchor,
                  style: {
                    fill: named[k] === one ? "var(--iml-ink)" : "var(--iml-muted)",
                    "font-weight": named[k] === one ? 600 : 400,
                  },
                },
                dots[k].name,
              ),
            ]
          : [],
      ),
    );
    const [format, sparse] = [ui.get("format"), ui.get("sparse")];
    const machine = machines[one];
    const flops = machine ? flopsOf(one) : 0;
    if (!machine || flops === 0) {
      ui.readout(describeNone(machine ? machine.name : "any of them", format, sparse));
      return;
    }
    const factors = model.recordOf(ui.get("factors"), machine.name, place(), density());
    const said = [describePeak(machine, format, place(), sparse, flops, factors)];
    if (reachedBy(one)) said.push(describeReached(reachedBy(one), flops, sparse));
    else if (ui.get("measured")) said.push("Nothing measured is published for this one.");
    ui.readout(said.join(" "));
  };
}

export default defineWidget({
  name: "ProcessorPeaks",
  title: "Processors: peak and memory bandwidth",
  linked: ["format", "sparse", "measured", "chosen"],
  build,
});
