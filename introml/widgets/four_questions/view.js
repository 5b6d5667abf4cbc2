import { defineWidget, dragHandle, fixed, percent, plot, predict, s } from "../kit/index.js";
import * as model from "./model.js";
import { BILL, FLIPPER, LABEL, SPECIES } from "./points.js";
import { describe } from "./wording.js";

/** The ends of the axes. */
/** @type {{ x: [number, number], y: [number, number] }} */
const LIMITS = { x: [168, 234], y: [30, 61] };
const MARGIN = { top: 10, right: 14, bottom: 40, left: 46 };
const NARROW = { top: 8, right: 4, bottom: 40, left: 38 };
const SHUFFLE = 1; // the seed
const SPECIES_LOOKS = [
  ["blue", "circle"],
  ["orange", "triangle"],
  ["purple", "square"],
];
const GROUP_COLORS = ["blue", "orange", "purple", "rose", "green", "slate"];
/** Where a species' name stands, in mm: beside its points, clear of the others. */
const NAMES = [
  [174.5, 33.6],
  [193, 58],
  [228, 41.5],
];

const REAL = { x: FLIPPER, y: BILL, label: LABEL };
/** @type {Map<string, any>} */
const known = new Map();

/** The points, and all that the models say of them: computed once for each setting. */
function look(shuffled, groups) {
  const key = `${shuffled} ${groups}`;
  if (!known.has(key)) {
    const points = shuffled ? model.shuffled(REAL, SHUFFLE) : REAL;
    known.set(key, { points, ...model.answers(points, groups) });
  }
  return known.get(key);
}

/** The path of one mark, `r` pixels large, around (px, py). */
function mark(shape, px, py, r) {
  const [x, y] = [px.toFixed(1), py.toFixed(1)];
  if (shape === "square") return `M${x} ${y}m${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`;
  if (shape === "triangle") {
    return `M${x} ${y}m0 ${-1.25 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}z`;
  }
  return `M${x} ${y}m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

function question(ui) {
  return predict(ui, {
    question:
      "the colours are the species, and a person who knows penguins had to name each. Four " +
      "questions are below. For which of them must somebody have done that?",
    options: ["For all four", "For the species and the groups", "For the species alone"],
    answer: () => 2,
    explain: () => {
      const { clustering, reduction } = look(false, 3);
      return (
        "To guess a bill one learns from bills. Groups and the one number are found in the " +
        "measurements alone. Still, the three groups match the species by " +
        `${fixed(clustering.score)}, where 0 is chance and 1 the same, and the one number keeps ` +
        `${percent(reduction.score)} of the differences.`
      );
    },
  });
}

function build(ui) {
  const { width, narrow } = ui;
  const margin = narrow ? NARROW : MARGIN;
  const inner = width - margin.left - margin.right;
  // One scale for both axes: nearest means nearest, and a right angle looks like one.
  const tall = (inner * (LIMITS.y[1] - LIMITS.y[0])) / (LIMITS.x[1] - LIMITS.x[0]);
  const chart = plot({
    width,
    height: Math.round(tall) + margin.top + margin.bottom,
    role: null,
    label: "Penguins as points by flipper and bill, with what a model answers",
    x: { domain: LIMITS.x, label: "flipper length, mm" },
    y: {
      domain: LIMITS.y,
      label: narrow ? "bill, mm" : "bill length, mm",
      ticks: [30, 40, 50, 60],
    },
    margin,
  });
  const r = narrow ? 2.3 : 3.6;
  const layers = ["areas", "points", "lost", "model"].map(() => s("g", { "aria-hidden": "true" }));
  const [areas, dots, lost, drawn] = layers;
  chart.layer.append(...layers);
  const link = s("line", { "stroke-width": 2.5, "aria-hidden": "true" });
  const foot = s("circle", { r: narrow ? 4.5 : 6, "aria-hidden": "true" });
  chart.front.append(link, foot);
  const handle = dragHandle(chart, {
    label: "Your penguin",
    get: () => [ui.get("flipper"), ui.get("bill")],
    set: ([flipper, bill]) =>
      ui.set({ flipper: Math.round(flipper), bill: Number(bill.toFixed(1)) }),
    step: [1, 0.5],
    limits: LIMITS,
    describe: ([x, y]) => `flipper ${fixed(x, 0)} mm, bill ${fixed(y, 1)} mm`,
  });

  const stepper = ui.stepper({ trait: "groups", label: "Groups" });
  ui.stage(chart.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.choice({
      trait: "task",
      label: "Asked",
      options: [
        ["classification", "Which species?"],
        ["regression", "How long a bill?"],
        ["clustering", "Which groups?"],
        ["reduction", "Which one number?"],
      ],
    }),
    ui.toggle({ trait: "answer", label: "A model's answer" }),
    ui.toggle({
      trait: "shuffled",
      label: "Shuffle the measurements",
      hint: "deals out all flippers and all bills anew, so that nothing belongs together",
    }),
    stepper,
  );

  const text = (place, words, look) =>
    s(
      "text",
      {
        x: chart.x(place[0]).toFixed(1),
        y: chart.y(place[1]).toFixed(1),
        "text-anchor": "middle",
        "paint-order": "stroke",
        "stroke-width": 4,
        "stroke-linejoin": "round",
        style: { fill: `var(--iml-${look})`, stroke: "var(--iml-paper)", "font-weight": 600 },
      },
      words,
    );

  /** The points in the looks [colour, shape] of their groups. */
  function drawPoints({ x, y }, group, looks) {
    const parts = looks.map(() => []);
    for (const [i, k] of group.entries()) {
      parts[k].push(mark(looks[k][1], chart.x(x[i]), chart.y(y[i]), r));
    }
    dots.replaceChildren(
      ...looks.map(([color], k) =>
        s("path", {
          d: parts[k].join(""),
          "fill-opacity": 0.75,
          "stroke-width": 0.8,
          style: { fill: `var(--iml-${color})`, stroke: "var(--iml-paper)" },
        }),
      ),
    );
  }

  const shade = (centres, looks) =>
    model.regions(centres, LIMITS).map((corners, k) =>
      s("path", {
        d: `${chart.path(corners)}Z`,
        "fill-opacity": 0.13,
        "stroke-width": 1.2,
        style: { fill: `var(--iml-${looks[k][0]})`, stroke: "var(--iml-muted)" },
      }),
    );

  const straight = (from, to) =>
    s("path", {
      d: chart.path([from, to]),
      "stroke-width": 3,
      style: { stroke: "var(--iml-prediction)" },
    });

  const draw = {
    classification({ points, classification }, answered) {
      drawPoints(points, points.label, SPECIES_LOOKS);
      const names = NAMES.map((place, k) => text(place, SPECIES[k], SPECIES_LOOKS[k][0]));
      drawn.replaceChildren(...names);
      if (!answered) return;
      areas.replaceChildren(...shade(classification.centres, SPECIES_LOOKS));
      drawn.append(...classification.centres.map((centre, k) => crown(centre, SPECIES_LOOKS[k])));
    },
    regression({ points, regression }, answered) {
      drawPoints(
        points,
        points.x.map(() => 0),
        [["slate", "circle"]],
      );
      if (!answered) return;
      const [w, b] = regression.line;
      drawn.append(straight(...LIMITS.x.map((x) => [x, w * x + b])));
    },
    clustering({ points, clustering }, answered) {
      const { centres } = clustering;
      const looks = answered
        ? centres.map((_, k) => [GROUP_COLORS[k], "circle"])
        : [["slate", "circle"]];
      const group = answered ? model.assign(points.x, points.y, centres) : points.x.map(() => 0);
      drawPoints(points, group, looks);
      if (!answered) return;
      areas.replaceChildren(...shade(centres, looks));
      drawn.append(
        ...centres.flatMap((centre, k) => [
          crown(centre, looks[k], narrow ? 8 : 10),
          s(
            "text",
            {
              x: chart.x(centre[0]).toFixed(1),
              y: (chart.y(centre[1]) + 4.5).toFixed(1),
              "text-anchor": "middle",
              style: { "font-weight": 700 },
            },
            String(k + 1),
          ),
        ]),
      );
    },
    reduction({ points, reduction }, answered) {
      drawPoints(
        points,
        points.x.map(() => 0),
        [["slate", "circle"]],
      );
      if (!answered) return;
      const { axis } = reduction;
      const feet = points.x.map((x, i) => [
        [x, points.y[i]],
        model.project([x, points.y[i]], axis).foot,
      ]);
      lost.replaceChildren(
        s("path", {
          d: feet.map((pair) => chart.path(pair)).join(""),
          opacity: 0.4,
          style: { stroke: "var(--iml-error)" },
        }),
      );
      const [u, v] = axis.direction;
      const ends = [-200, 200].map((t) => [axis.mean[0] + t * u, axis.mean[1] + t * v]);
      drawn.append(straight(...ends));
    },
  };

  /** A centre: a large mark with a border. */
  function crown([x, y], /** @type {string[]} */ [color, shape], size = narrow ? 5 : 7) {
    return s("path", {
      d: mark(shape, chart.x(x), chart.y(y), size),
      "stroke-width": 2.5,
      style: { fill: "var(--iml-raised)", stroke: `var(--iml-${color})` },
    });
  }

  /** From the reader's penguin to what the model makes of it. */
  function drawLink(found, task, answered, point) {
    /** @type {number[] | null} */
    let end = null;
    let color = "prediction";
    if (answered && (task === "classification" || task === "clustering")) {
      const { centres } = found[task];
      end = centres[model.nearest(point, centres).index];
    } else if (answered && task === "regression") {
      const [w, b] = found.regression.line;
      end = [point[0], w * point[0] + b];
      color = "error";
    } else if (answered) {
      end = model.project(point, found.reduction.axis).foot;
      color = "error";
    }
    const onLine = task === "regression" || task === "reduction";
    foot.style.display = end && onLine ? "" : "none";
    link.style.display = end || task === "regression" ? "" : "none";
    // Before the answer, regression shows on which upright line it lies.
    const [from, to] = end ? [point, end] : LIMITS.y.map((y) => [point[0], y]);
    for (const [name, value] of Object.entries({
      x1: chart.x(from[0]),
      y1: chart.y(from[1]),
      x2: chart.x(to[0]),
      y2: chart.y(to[1]),
    })) {
      link.setAttribute(name, value.toFixed(1));
    }
    link.setAttribute("stroke-dasharray", end ? "none" : "4 4");
    link.style.stroke = `var(--iml-${end ? color : "accent"})`;
    if (!end) return;
    foot.setAttribute("cx", chart.x(end[0]).toFixed(1));
    foot.setAttribute("cy", chart.y(end[1]).toFixed(1));
    foot.style.fill = "var(--iml-prediction)";
  }

  let last = "";
  return () => {
    const [task, answered] = [ui.get("task"), ui.get("answer")];
    const [shuffled, groups] = [ui.get("shuffled"), ui.get("groups")];
    const found = look(shuffled, groups);
    const now = [task, answered, shuffled, groups].join(" ");
    if (now !== last) {
      for (const layer of layers) layer.replaceChildren();
      draw[task](found, answered);
      last = now;
    }
    const point = [ui.get("flipper"), ui.get("bill")];
    drawLink(found, task, answered, point);
    handle();
    // The place stays taken, so that nothing moves.
    stepper.style.visibility = task === "clustering" ? "visible" : "hidden";
    for (const part of stepper.querySelectorAll("input, button")) {
      part.toggleAttribute("disabled", task !== "clustering");
    }
    ui.readout(describe({ task, answered, shuffled, point, found: found[task] }));
  };
}

export default defineWidget({
  name: "FourQuestions",
  title: "The same points, four questions",
  linked: ["task", "answer", "flipper", "bill", "groups", "shuffled"],
  build,
});
