import { fold } from "../kit/controls.js";
import {
  defineWidget,
  legend,
  plot,
  powerOfTen,
  predict,
  s,
  setAttributes,
  significant,
} from "../kit/index.js";
import { placeNames } from "../kit/labels.js";
import { roving } from "../kit/roving.js";
import * as model from "./model.js";
import { describeBetter, describeLimits, describeNetwork } from "./wording.js";

const COLORS = ["blue", "green", "orange", "rose", "purple"];
const KINDS = ["2012 to 2014", "residual", "made for phones", "2019 and later", "transformers"];
/** @type {Record<string, { label: string, domain: [number, number], ticks: number[] }>} */
const AXES = {
  macs: {
    label: "MACs for one picture, billions",
    domain: [0.04, 60],
    ticks: [0.1, 1, 10],
  },
  parameters: { label: "parameters, millions", domain: [0.9, 220], ticks: [1, 10, 100] },
};
const UNIT = { macs: 1e9, parameters: 1e6 };
const ACCURACY = [54, 87];
/** The largest bubble's radius in pixels, and the figures that it stands for. */
const LARGEST = { macs: 37.8e9, parameters: 143.7e6 };

function question(ui) {
  return predict(ui, {
    question: "of these networks, is the one with the most parameters the most accurate?",
    options: ["Yes", "Nearly", "No, far from it"],
    answer: () => 2,
    explain: () => {
      const networks = ui.get("networks");
      const all = networks.map((_, i) => i);
      const largest = all.reduce((a, b) =>
        networks[b].parameters > networks[a].parameters ? b : a,
      );
      const scores = networks.map((one) => one.top1);
      const above = model.better(networks, scores, largest).length;
      return (
        `${networks[largest].name} has the most, and ${above} others are at least as accurate with ` +
        "fewer parameters and fewer MACs."
      );
    },
  });
}

function build(ui) {
  const { width, narrow } = ui;
  const networks = ui.get("networks");
  const largest = narrow ? 15 : 24;
  const chart = plot({
    width,
    height: narrow ? 330 : 400,
    role: null,
    label: "Accuracy of networks against what they cost",
    x: { domain: [1, 2], type: "log", format: powerOfTen },
    y: {
      domain: /** @type {[number, number]} */ (ACCURACY),
      label: narrow ? "right, %" : "right on the validation pictures, %",
      ticks: [55, 60, 65, 70, 75, 80, 85],
      format: (value) => significant(value, 2),
    },
    margin: narrow ? { left: 42, right: 6 } : {},
  });
  const front = s("path", {
    fill: "none",
    "stroke-width": 1.5,
    "stroke-dasharray": "5 3",
    "aria-hidden": "true",
    style: { stroke: "var(--iml-muted)" },
  });
  const moved = s("g", { "aria-hidden": "true" });
  const list = s("g", { role: "listbox", "aria-label": "Networks" });
  const names = s("g", { "aria-hidden": "true", class: "iml-note" });
  chart.layer.append(front, moved);
  chart.front.append(list, names);

  const axis = () => ui.get("axis");
  const cost = (i) => networks[i][axis()] / UNIT[axis()];
  const other = () => (axis() === "macs" ? "parameters" : "macs");
  const radius = (i) => 3 + (largest - 3) * Math.sqrt(networks[i][other()] / LARGEST[other()]);
  const scoreOf = (i) => (ui.get("retrained") ? networks[i].retrained : networks[i].top1);
  const allowed = () => model.within(networks, ui.get("most_parameters"), ui.get("most_macs"));

  /** Arrow keys walk from the cheapest to the dearest, so the order hangs on the axis. */
  /** @type {{ axis: string, order: number[], nodes: SVGElement[], redraw: () => void }} */
  let drawn = { axis: "", order: [], nodes: [], redraw: () => {} };
  const looked = () => {
    const chosen = ui.get("chosen");
    return chosen >= 0
      ? chosen
      : model.best(
          networks,
          networks.map((_, i) => scoreOf(i)),
          allowed(),
        );
  };
  function arrange() {
    const { label, ...place } = AXES[axis()];
    chart.setAxes({ x: { ...place, label } });
    const order = networks.map((_, i) => i).sort((a, b) => cost(a) - cost(b));
    const nodes = order.map((i) =>
      s("circle", {
        role: "option",
        class: "iml-cell",
        "stroke-width": 1.5,
        style: { fill: `var(--iml-${COLORS[networks[i].kind - 1]})`, cursor: "pointer" },
      }),
    );
    list.replaceChildren(...nodes);
    const redraw = roving(nodes, {
      current: () => order.indexOf(looked()),
      choose: (place) => ui.set({ chosen: order[place] }),
      clear: () => ui.set({ chosen: -1 }),
    });
    drawn = { axis: axis(), order, nodes, redraw };
  }

  const limits = [
    ui.slider({
      trait: "most_parameters",
      label: "Parameters up to",
      scale: "log",
      format: (value) => `${significant(value / 1e6, 3)} million`,
    }),
    ui.slider({
      trait: "most_macs",
      label: "MACs up to",
      scale: "log",
      format: (value) => `${significant(value / 1e9, 3)} billion`,
    }),
  ];
  ui.stage(chart.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.choice({
      trait: "axis",
      label: "Cost",
      options: [
        ["macs", "MACs"],
        ["parameters", "parameters"],
      ],
    }),
    ...limits,
    fold(
      "Train some of them anew",
      ui.toggle({
        trait: "retrained",
        label: "A longer recipe",
        hint: "the same networks, with the weights of 2021",
      }),
    ),
    legend(
      /** @type {[string, string, string][]} */ ([
        ...KINDS.map((text, i) => [COLORS[i], text, "dot"]),
        ["muted", "the most accurate up to here", "dash"],
      ]),
    ),
  );

  return () => {
    if (drawn.axis !== axis()) arrange();
    const scores = networks.map((_, i) => scoreOf(i));
    const inside = new Set(allowed());
    const among = [...inside];
    const one = looked();
    for (const [place, i] of drawn.order.entries()) {
      setAttributes(drawn.nodes[place], {
        cx: chart.x(cost(i)).toFixed(1),
        cy: chart.y(scores[i]).toFixed(1),
        r: radius(i).toFixed(1),
        opacity: inside.has(i) ? null : 0.15,
        "aria-label": `${networks[i].name}, ${significant(scores[i], 3)}%${inside.has(i) ? "" : ", outside the limits"}`,
        "fill-opacity": i === one ? 1 : 0.6,
        "stroke-width": i === one ? 2.5 : 1,
      });
      drawn.nodes[place].style.setProperty(
        "stroke",
        i === one ? "var(--iml-ink)" : "var(--iml-raised)",
      );
    }
    drawn.redraw();
    const line = model.paretoFront(
      among.map(cost),
      among.map((i) => scores[i]),
    );
    const corners = line.flatMap((k, at) => {
      const [x, y] = [cost(among[k]), scores[among[k]]];
      return at === 0
        ? [[x, y]]
        : [
            [x, scores[among[line[at - 1]]]],
            [x, y],
          ];
    });
    setAttributes(front, { d: chart.path(corners) });
    const steps = ui.get("retrained")
      ? networks.flatMap((each, i) => (each.retrained === each.top1 ? [] : [i]))
      : [];
    moved.replaceChildren(
      ...steps.map((i) =>
        s("line", {
          x1: chart.x(cost(i)),
          x2: chart.x(cost(i)),
          y1: chart.y(networks[i].top1),
          y2: chart.y(networks[i].retrained),
          "stroke-width": 2,
          style: { stroke: `var(--iml-${COLORS[networks[i].kind - 1]})` },
        }),
      ),
    );
    const priority = [one, ...line.map((k) => among[k]), ...among].filter((i) => i >= 0);
    const order = [...new Set([...priority, ...networks.map((_, i) => i)])];
    const bubbles = order.map((i) => ({
      x: chart.x(cost(i)),
      y: chart.y(scores[i]),
      r: radius(i),
      name: networks[i].name,
    }));
    const [left, right] = AXES[axis()].domain.map(chart.x);
    const [bottom, top] = ACCURACY.map(chart.y);
    const frame = { x: left, y: top, width: right - left, height: bottom - top };
    const placed = placeNames(bubbles, frame);
    names.replaceChildren(
      ...placed.flatMap((at, k) =>
        at && inside.has(order[k])
          ? [
              s(
                "text",
                {
                  x: at.x.toFixed(1),
                  y: at.y.toFixed(1),
                  "text-anchor": at.anchor,
                  style: {
                    fill: order[k] === one ? "var(--iml-ink)" : "var(--iml-muted)",
                    "font-weight": order[k] === one ? 600 : 400,
                  },
                },
                bubbles[k].name,
              ),
            ]
          : [],
      ),
    );
    const best = model.best(networks, scores, among);
    const said = [
      describeLimits(
        among.length,
        networks.length,
        best < 0 ? null : networks[best].name,
        ui.get("most_parameters"),
        ui.get("most_macs"),
      ),
    ];
    if (one >= 0) {
      const error = 100 * model.standardError(scores[one] / 100, ui.get("pictures"));
      said.push(describeNetwork(networks[one], scores[one], error, one === best));
      said.push(describeBetter(networks, model.better(networks, scores, one)));
    }
    ui.readout(said.join(" "));
  };
}

export default defineWidget({
  name: "ModelComparison",
  title: "Networks for pictures: accuracy, size and work",
  linked: ["axis", "most_parameters", "most_macs", "chosen", "retrained"],
  build,
});
