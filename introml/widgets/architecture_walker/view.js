import {
  defineWidget,
  h,
  legend,
  picture,
  pointerPosition,
  predict,
  s,
  setAttributes,
} from "../kit/index.js";
import { layOut } from "./layout.js";
import * as model from "./model.js";
import { describe, FAMILY_WORDS, namesOf, partLine, shapeOf, share } from "./wording.js";

/** @import { Row } from "./model.js" */
/** @import { Place } from "./layout.js" */

/** @type {Record<string, string[]>} */
const OFFERED = {
  plain: ["LeNet", "AlexNet", "VGG-16", "VGG-19"],
  branched: ["GoogLeNet", "ResNet-18", "ResNet-34", "ResNet-50"],
};
OFFERED.all = [...OFFERED.plain, ...OFFERED.branched];

/** The two charts below the blocks. */
const CHARTS = /** @type {const} */ ([
  ["parameters", "Parameters, share of all"],
  ["macs", "MACs, share of all"],
]);
const TOP = 24;
const CHART = 62;
const TITLE = 24;

/** The reader guesses where LeNet's parameters are. */
function question(ui) {
  return predict(ui, {
    question: "In which layers does LeNet have most of its parameters?",
    options: ["In the convolutions", "In the dense layers", "About half in each"],
    answer: () => 1,
    explain: () =>
      "A kernel is used again at every place, and a dense weight only once. Walk to the end and watch " +
      "the bars: parameters and work are not in the same layers.",
  });
}

/** The front, the top and the side of a block whose front stands on `floor`. */
function faces({ x, width, height, deep }, floor) {
  const [top, right, up] = [floor - height, x + width, deep / 2];
  const face = (points) =>
    s("polygon", {
      points: points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" "),
    });
  return [
    face([
      [x, top],
      [x + deep, top - up],
      [right + deep, top - up],
      [right, top],
    ]),
    face([
      [right, top],
      [right + deep, top - up],
      [right + deep, floor - up],
      [right, floor],
    ]),
    face([
      [x, top],
      [right, top],
      [right, floor],
      [x, floor],
    ]),
  ];
}

function build(ui) {
  const tall = ui.narrow ? 84 : 118;
  const floor = TOP + tall * 1.17;
  const charts = CHARTS.map((_, at) => floor + 14 + (at + 1) * (TITLE + CHART) + at * 6);
  const height = charts[charts.length - 1] + 6;
  const svg = picture({ width: ui.width, height, label: "" });
  /** @type {{ network: string, rows: Row[], places: Place[], names: string[], blocks: any[], bars: any[] }} */
  const drawn = { network: "", rows: [], places: [], names: [], blocks: [], bars: [] };
  const label = s("text", { class: "iml-note", y: 12, "text-anchor": "middle" });
  const parts = h("ul", { class: "iml-walker-parts" });
  const last = () => drawn.rows.length || model.networkOf(ui.get("network")).layers.length;

  svg.addEventListener("click", (event) => {
    const [x] = pointerPosition(svg, event);
    const away = drawn.places.map(
      (place) =>
        Math.max(place.x - x, x - place.x - place.width, 0) + Math.abs(place.middle - x) / 1000,
    );
    ui.set({ layer: away.indexOf(Math.min(...away)) });
  });

  const networks = [...new Set([...OFFERED[ui.get("offered")], ui.get("network")])];
  const id = ui.id("network");
  const menu = h(
    "select",
    { id, onchange: () => ui.set({ network: networks[menu.selectedIndex], layer: 0 }) },
    networks.map((name) => h("option", { value: name }, name)),
  );
  ui.stage(svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    h("div", { class: "iml-control iml-select" }, h("label", { for: id }, "Network"), menu),
    ui.player({ trait: "layer", label: "Layer", last, interval: 900 }),
    legend(["conv", "pool", "dense"].map((kind) => [`walker-${kind}`, FAMILY_WORDS[kind], "line"])),
  );
  ui.root.append(parts);

  /** One chart's bars, each under its block, and the name of the chart. */
  function barsOf(chart, at) {
    const [what, title] = chart;
    const { rows, places } = drawn;
    const all = model.totals(rows)[what];
    const most = Math.max(...rows.map((row) => row[what] / all));
    const base = charts[at];
    const bars = rows.map((row, i) => {
      const { middle, width } = places[i + 1];
      const wide = Math.max(width, 3);
      const high = ((CHART - 14) * (row[what] / all)) / most;
      return s("rect", {
        class: `iml-walker-bar iml-walker-${model.family(row)}`,
        x: middle - wide / 2,
        y: base - high,
        width: wide,
        height: high,
      });
    });
    const note = s("text", { class: "iml-note", "text-anchor": "middle" });
    const line = s("line", { x1: 0, x2: ui.width, y1: base, y2: base });
    const name = s("text", { class: "iml-walker-title", x: 0, y: base - CHART - 4 }, title);
    return {
      bars,
      note,
      nodes: [s("g", { class: "iml-axes", "aria-hidden": "true" }, line), name, bars, note].flat(),
      heightOf: (row) => ((CHART - 14) * (row[what] / all)) / most,
      shareOf: (row) => row[what] / all,
      base,
    };
  }

  function draw(name) {
    drawn.network = name;
    drawn.rows = model.walk(name);
    drawn.names = namesOf(drawn.rows.map(({ layer }) => layer));
    const maps = [drawn.rows[0].before, ...drawn.rows.map(({ after }) => after)];
    drawn.places = layOut(maps, ui.width, tall);
    drawn.blocks = drawn.places.map((place, at) => {
      const kind = at === 0 ? "picture" : model.family(drawn.rows[at - 1]);
      return s("g", { class: `iml-walker-block iml-walker-${kind}` }, faces(place, floor));
    });
    drawn.bars = CHARTS.map(barsOf);
    svg.replaceChildren(...drawn.blocks, ...drawn.bars.flatMap(({ nodes }) => nodes), label);
    const blocks = drawn.rows.some(({ layer }) => layer.kind === "block");
    const most = Math.max(...drawn.rows.map((row) => row.parts.length));
    parts.hidden = !blocks;
    parts.style.setProperty("--parts", String(most));
  }

  /** A text centred at x, but inside the picture. */
  function place(node, x, y, text) {
    node.textContent = text;
    const half = 3.4 * text.length;
    setAttributes(node, { x: Math.min(Math.max(x, half), ui.width - half), y });
  }

  return () => {
    const name = ui.get("network");
    if (name !== drawn.network) draw(name);
    const { rows, places, names } = drawn;
    const step = Math.min(ui.get("layer"), rows.length);
    for (const [at, block] of drawn.blocks.entries()) {
      block.classList.toggle("iml-walker-now", at === step);
    }
    const maps = step === 0 ? rows[0].before : rows[step - 1].after;
    const chosen = places[step];
    place(
      label,
      chosen.middle + chosen.deep / 2,
      floor - chosen.height - chosen.deep / 2 - 7,
      shapeOf(maps),
    );
    for (const { bars, note, shareOf, heightOf, base } of drawn.bars) {
      for (const [at, bar] of bars.entries()) {
        bar.classList.toggle("iml-walker-now", at === step - 1);
        bar.classList.toggle("iml-walker-later", at >= step);
      }
      const row = rows[step - 1];
      const text = row?.parameters ? share(shareOf(row)) : "";
      place(note, chosen.middle, base - (row ? heightOf(row) : 0) - 4, text);
    }
    menu.selectedIndex = [...menu.children].findIndex((option) => option.textContent === name);
    for (const option of menu.children)
      option.toggleAttribute("selected", option.textContent === name);
    parts.replaceChildren(
      ...(rows[step - 1]?.parts ?? []).map((row) => h("li", {}, partLine(row))),
    );
    const where = step === 0 ? "the picture" : names[step - 1];
    setAttributes(svg, {
      "aria-label": `${name} as a row of blocks, ${rows.length} layers; marked: ${where}, ${shapeOf(maps)}`,
    });
    ui.readout(describe(name, rows, step));
  };
}

export default defineWidget({
  name: "ArchitectureWalker",
  title: "A network, layer by layer",
  linked: ["network", "layer"],
  build,
});
