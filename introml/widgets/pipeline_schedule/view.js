import { fold } from "../kit/controls.js";
import {
  defineWidget,
  h,
  legend,
  percent,
  picture,
  predict,
  s,
  significant,
} from "../kit/index.js";
import * as model from "./model.js";

const LANE = 24; // pixels of a row
const GAP = 5;
const NAMES = 52; // pixels of the column of names
const COLORS = { F: "training", B: "gradient", I: "gradient", W: "validation" };
const SAID = { F: "forward", B: "backward", I: "input gradient", W: "weight gradient" };

function question(ui) {
  return predict(ui, {
    question:
      "four GPUs have a quarter of the layers each, and a batch goes through them in 16 microbatches. What share of the time do the GPUs idle?",
    options: ["3/4", "3/16", "3/19"],
    answer: () => 2,
    explain: () =>
      "The first GPU works for 16 microbatches and waits for 3 more, the way of one to the last GPU. " +
      "That is 3 of 19. Set 4 ranks and 16 microbatches to see it.",
  });
}

/** @param {number} count */
const activations = (count) =>
  `${significant(count, 3)} ${count === 1 ? "activation" : "activations"}`;

/** The sentence of the whole step. */
function whole({ step, fraction, ratio, peaks }, chunks) {
  const most = Math.max(...peaks) / chunks;
  return (
    `The step takes ${significant(step, 4)} units. Idle: ${percent(fraction, 1)} of the step ` +
    `(the fraction); ${percent(ratio, 1)} of the time without waiting (the ratio). ` +
    `At most ${activations(most)} of a rank's layers in flight.` +
    (chunks > 1 ? " Fainter cells are later chunks." : "")
  );
}

/** What each rank does just before `now`. */
function at(spans, now) {
  const doing = spans.map((row) =>
    row.find((span) => span[3] < now - 1e-6 && span[4] > now - 1e-6),
  );
  const said = doing.map(
    (span, rank) => `rank ${rank} ${span ? `${SAID[span[0]]} ${span[1]}` : "idle"}`,
  );
  const idle = doing.filter((span) => !span).length;
  return `Just before time ${significant(now, 4)}: ${said.join(", ")}. ${idle} of ${spans.length} idle.`;
}

function build(ui) {
  const names = picture({ width: NAMES, height: 100, label: "Names of the ranks" });
  const chart = picture({ width: 100, height: 100, label: "" });
  const held = picture({ width: ui.width, height: 100, label: "" });
  const box = h(
    "div",
    {
      class: "iml-pipeline-scroll",
      tabindex: 0,
      role: "group",
      "aria-label": "Chart of the schedule",
    },
    chart,
  );
  ui.stage(h("div", { class: "iml-pipeline" }, names, box), held);
  const setting = () =>
    /** @type {const} */ ([
      ui.get("schedule"),
      ui.get("ranks"),
      ui.get("microbatches"),
      ui.get("chunks"),
    ]);
  const timeline = () =>
    model.refusal(...setting())
      ? null
      : model.simulate(...setting(), ui.get("forward"), ui.get("backward"), ui.get("weight"));
  const cut = ui.stepper({ trait: "chunks", label: "Chunks on each rank, v" });
  let current = timeline();
  let ends = current ? model.moments(current.spans) : [];
  const time = (trait, label) => ui.slider({ trait, label, step: 0.5 });
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.choice({
      trait: "schedule",
      label: "Schedule",
      options: ["GPipe", "1F1B", "interleaved", "zero bubble"],
    }),
    ui.stepper({ trait: "ranks", label: "Ranks, p" }),
    ui.stepper({ trait: "microbatches", label: "Microbatches, m" }),
    cut,
    ui.player({ trait: "moment", label: "Time", last: () => ends.length, interval: 600 }),
    fold(
      "How long each takes",
      time("forward", "Forward"),
      time("backward", "Gradient of the input"),
      time("weight", "Gradient of the weights"),
    ),
    legend([
      ["training", "forward"],
      ["gradient", "backward (zero bubble: of the input)"],
      ["validation", "of the weights"],
    ]),
  );

  function draw({ spans, step }, now) {
    const shortest = Math.min(...spans.flatMap((row) => row.map((span) => span[4] - span[3])));
    const room = ui.width - NAMES - 4;
    const unit = Math.max(room / step, Math.min(16 / shortest, 3000 / step));
    const width = Math.ceil(step * unit) + 2;
    const height = spans.length * (LANE + GAP) + 18;
    /** @type {Record<string, string>} */
    const paths = {};
    /** @type {SVGElement[]} */
    const numbers = [];
    spans.forEach((row, rank) => {
      const y = rank * (LANE + GAP);
      for (const [kind, i, chunk, start, end] of row) {
        const [x, wide] = [start * unit + 0.5, (end - start) * unit - 1];
        const late = now !== null && start > now - 1e-6;
        const look = `${kind} ${chunk > 0} ${late}`;
        paths[look] =
          `${paths[look] ?? ""}M${x.toFixed(1)},${y}h${wide.toFixed(1)}v${LANE}h${(-wide).toFixed(1)}z`;
        if (wide >= 12) {
          const soft = chunk > 0 || late;
          numbers.push(
            s(
              "text",
              {
                x: (x + wide / 2).toFixed(1),
                y: y + 16,
                "text-anchor": "middle",
                class: `iml-pipeline-number${soft ? " iml-later" : ""}`,
              },
              String(i),
            ),
          );
        }
      }
    });
    const cells = Object.entries(paths).map(([look, d]) => {
      const [kind, later, late] = look.split(" ");
      const color = `var(--iml-${COLORS[kind]})`;
      const opacity = late === "true" ? 0.12 : later === "true" ? 0.25 : 1;
      return s("path", {
        d,
        "stroke-width": 1,
        style: { fill: color, "fill-opacity": opacity, stroke: color },
      });
    });
    const lanes = spans.map((_, rank) =>
      s("rect", { x: 0, y: rank * (LANE + GAP), width, height: LANE, class: "iml-pipeline-lane" }),
    );
    const line =
      now === null
        ? []
        : [
            s("path", {
              d: `M${(now * unit).toFixed(1)},0V${height - 16}`,
              "stroke-width": 2,
              style: { stroke: "var(--iml-ink)" },
            }),
          ];
    const scale = [
      [0, "start"],
      [step, "end"],
    ].map(([value, anchor]) =>
      s(
        "text",
        { x: (Number(value) * unit).toFixed(1), y: height - 3, "text-anchor": anchor },
        `${significant(Number(value), 4)}`,
      ),
    );
    for (const [svg, w] of /** @type {const} */ ([
      [chart, width],
      [names, NAMES],
    ])) {
      svg.setAttribute("viewBox", `0 0 ${w} ${height}`);
      svg.style.setProperty("width", `${w}px`);
      svg.style.setProperty("height", `${height}px`);
      svg.style.setProperty("flex", "none");
    }
    chart.setAttribute(
      "aria-label",
      `${spans.length} ranks over ${significant(step, 4)} units of time, a cell for each operation`,
    );
    chart.replaceChildren(...lanes, ...cells, ...numbers, ...line, ...scale);
    names.replaceChildren(
      ...spans.map((_, rank) => s("text", { x: 0, y: rank * (LANE + GAP) + 16 }, `rank ${rank}`)),
    );
  }

  function drawHeld(peaks, chunks, m) {
    const height = 22 + peaks.length * 18;
    held.setAttribute("viewBox", `0 0 ${ui.width} ${height}`);
    held.style.setProperty("height", `${height}px`);
    held.setAttribute(
      "aria-label",
      `Activations in flight: ${peaks.map((n) => n / chunks).join(", ")}`,
    );
    const room = ui.width - NAMES - 40;
    held.replaceChildren(
      s("text", { x: 0, y: 13 }, "Activations in flight, at most"),
      ...peaks.flatMap((peak, rank) => {
        const y = 22 + rank * 18;
        const wide = (room * peak) / chunks / m;
        return [
          s("text", { x: 0, y: y + 11 }, `rank ${rank}`),
          s("rect", {
            x: NAMES,
            y,
            width: wide.toFixed(1),
            height: 13,
            style: { fill: "var(--iml-reference)" },
          }),
          s("text", { x: (NAMES + wide + 6).toFixed(1), y: y + 11 }, significant(peak / chunks, 3)),
        ];
      }),
    );
  }

  return () => {
    const [schedule, p, m, v] = setting();
    cut.style.setProperty("display", schedule === "interleaved" ? "" : "none");
    current = timeline();
    ends = current ? model.moments(current.spans) : [];
    if (!current) {
      chart.replaceChildren();
      names.replaceChildren();
      held.replaceChildren();
      chart.setAttribute("aria-label", "No schedule");
      ui.readout(
        `${model.refusal(schedule, p, m, v)} Choose ${p * Math.ceil(m / p)} microbatches.`,
      );
      return;
    }
    const moment = Math.min(ui.get("moment"), ends.length);
    const now = moment ? ends[moment - 1] : null;
    draw(current, now);
    const chunks = schedule === "interleaved" ? v : 1;
    drawHeld(current.peaks, chunks, m);
    ui.readout(now === null ? whole(current, chunks) : at(current.spans, now));
  };
}

export default defineWidget({
  name: "PipelineSchedule",
  title: "A pipeline schedule",
  linked: [
    "schedule",
    "ranks",
    "microbatches",
    "chunks",
    "forward",
    "backward",
    "weight",
    "moment",
  ],
  build,
});
