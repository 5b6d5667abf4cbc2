import { fold } from "../kit/controls.js";
import { defineWidget, h, picture, predict, s, setAttributes, thousands } from "../kit/index.js";
import * as model from "./model.js";
import { columnName, describe, lowered, symbol } from "./wording.js";

const STYLE = "iml-parameter-counter";
const MOST = 7; // neurons of a layer that are drawn
const TOP = 44;
const ROOM = 217; // for the neurons, from the first to the last
const HEIGHT = TOP + ROOM + 52;
const HEADS = 16; // arrows between two layers that still get a tip each
const CHARACTER = 6.6; // pixels across, about

/** @type {[label: string, widths: number[]][]} */
const NETWORKS = [
  ["A straight line", [1, 1]],
  ["8 × 8 digits", [64, 64, 64, 10]],
  ["28 × 28 pictures", [784, 512, 512, 10]],
];

function question(ui) {
  return predict(ui, {
    question:
      "this network has 9 parameters. Its hidden layer grows from 2 neurons to 4. How many has it then?",
    options: ["11", "17", "18"],
    answer: () => 1,
    explain: () =>
      "A hidden neuron brings 2 weights of its own, a bias, and a weight on the arrow that leaves it. " +
      "Two more neurons make 9 + 2 · 4 = 17. Type 4 for the hidden layer and see.",
  });
}

function build(ui) {
  const svg = picture({ width: ui.width, height: HEIGHT, label: "" });
  const fields = h("div", { class: `${STYLE}-fields` });
  const code = h("code", {});
  const body = h("tbody", {});
  const heads = ["Layer", "Weights W", "Biases b", "Parameters", "A batch is then"];
  const table = h(
    "table",
    { class: `${STYLE}-table` },
    h("caption", { class: "iml-hidden" }, "The layers, their shapes and their parameters"),
    h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))),
    body,
  );
  ui.stage(
    fields,
    svg,
    h("pre", { class: `${STYLE}-code`, tabindex: 0, "aria-label": "In PyTorch" }, code),
    table,
  );
  const depth = () => ui.get("widths").length - 1;
  const { low, high, least, most } = ui.forms.widths;
  const reshape = (widths) => ui.set({ widths, layer: 0 });
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.player({ trait: "layer", label: "Follow a batch", last: depth, interval: 1500 }),
    ui.stepper({ trait: "batch", label: "Batch size" }),
    ui.button({
      label: "One hidden layer more",
      onpress: () => reshape(model.deeper(ui.get("widths"))),
      disabled: () => ui.get("widths").length >= most,
    }),
    ui.button({
      label: "One hidden layer less",
      onpress: () => reshape(model.shallower(ui.get("widths"))),
      disabled: () => ui.get("widths").length <= least,
    }),
    fold(
      "Other networks",
      ...NETWORKS.map(([label, widths]) =>
        ui.button({ label: `${label}: ${widths.join("–")}`, onpress: () => reshape(widths) }),
      ),
    ),
  );

  /** One field a layer, in the column in which the layer is drawn. */
  function drawFields() {
    const many = ui.get("widths").length;
    fields.style.setProperty("grid-template-columns", `repeat(${many}, 1fr)`);
    fields.replaceChildren(
      ...Array.from({ length: many }, (_, at) => {
        const id = ui.id(`width-${at}`);
        const write = (value) => {
          const fits = Number.isInteger(value) && value >= low && value <= high;
          if (fits) ui.set({ widths: ui.get("widths").with(at, value) });
        };
        const input = h("input", {
          type: "number",
          id,
          step: 1,
          min: low,
          max: high,
          inputmode: "numeric",
          oninput: () => write(input.value === "" ? Number.NaN : Number(input.value)),
          onchange: () => {
            input.value = String(ui.get("widths")[at]);
          },
          onkeydown: (event) => {
            if (event.key !== "Home" && event.key !== "End") return;
            event.preventDefault();
            write(event.key === "Home" ? low : high);
            input.value = String(ui.get("widths")[at]);
          },
        });
        return h("div", {}, h("label", { for: id }, columnName(at, many)), input);
      }),
    );
  }

  function arrow([x0, y0], [x1, y1], radius, withHead) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
    const gap = radius + 2;
    const [bx, by, ex, ey] = [x0 + gap * ux, y0 + gap * uy, x1 - gap * ux, y1 - gap * uy];
    const corner = (side) =>
      `${(ex - 7 * ux - 3 * side * uy).toFixed(1)},${(ey - 7 * uy + 3 * side * ux).toFixed(1)}`;
    const line = { x1: bx.toFixed(1), y1: by.toFixed(1), x2: ex.toFixed(1), y2: ey.toFixed(1) };
    return [
      s("line", line),
      withHead
        ? s("polygon", { points: `${ex.toFixed(1)},${ey.toFixed(1)} ${corner(1)} ${corner(-1)}` })
        : null,
    ];
  }

  /** The neurons of a layer: where each is drawn, null for those left out. */
  function placesOf(width, x, pitch) {
    const drawn = model.drawnNeurons(width, MOST);
    const start = TOP + ROOM / 2 - ((drawn.length - 1) * pitch) / 2;
    return drawn.map((neuron, i) => ({ neuron, x, y: start + i * pitch }));
  }

  function between(from, to, number, layer, { room, radius }) {
    const ends = [from, to].map((places) => places.filter(({ neuron }) => neuron !== null));
    const withHeads = ends[0].length * ends[1].length <= HEADS;
    const arrows = ends[0].flatMap((a) =>
      ends[1].flatMap((b) => arrow([a.x, a.y], [b.x, b.y], radius, withHeads)),
    );
    const texts = [
      `W${lowered(number)} ${model.written(layer.weight)}`,
      `b${lowered(number)} ${model.written(layer.bias)}`,
    ];
    const fits = texts.every((text) => text.length * CHARACTER < room - 2);
    const x = (from[0].x + to[0].x) / 2;
    return s(
      "g",
      { class: `${STYLE}-layer` },
      arrows,
      fits
        ? texts.map((text, i) => s("text", { x, y: 14 + 16 * i, "text-anchor": "middle" }, text))
        : null,
    );
  }

  function column(places, name, shape, { room, radius }) {
    const [{ x }] = places;
    const text = model.written(shape);
    const wide = text.length * CHARACTER > room - 2;
    return s(
      "g",
      { class: `${STYLE}-column` },
      places.map(({ neuron, y }) =>
        neuron === null
          ? [-6, 0, 6].map((dy) =>
              s("circle", { class: `${STYLE}-dot`, cx: x, cy: y + dy, r: 1.6 }),
            )
          : s("circle", { cx: x, cy: y, r: radius }),
      ),
      s("text", { class: `${STYLE}-symbol`, x, y: HEIGHT - 28, "text-anchor": "middle" }, name),
      wide ? null : s("text", { x, y: HEIGHT - 10, "text-anchor": "middle" }, text),
    );
  }

  function draw(widths, batch, followed) {
    const layers = model.layersOf(widths, batch);
    const many = widths.length;
    const room = ui.width / many;
    // Few neurons are drawn larger and further apart.
    const tallest = Math.min(MOST, Math.max(...widths));
    const pitch = Math.min(84, ROOM / tallest);
    const size = { room, radius: Math.min(15, 0.3 * pitch, 0.16 * room) };
    const columns = widths.map((width, at) => placesOf(width, (at + 0.5) * room, pitch));
    const arrows = layers.map((layer, i) =>
      between(columns[i], columns[i + 1], i + 1, layer, size),
    );
    const shapes = [layers[0].input, ...layers.map(({ output }) => output)];
    const drawn = columns.map((places, at) => column(places, symbol(at, many), shapes[at], size));
    if (followed > 0) {
      arrows[followed - 1].classList.add(`${STYLE}-now`);
      drawn[followed].classList.add(`${STYLE}-now`);
      // The last one drawn lies on top.
      arrows.push(...arrows.splice(followed - 1, 1));
    }
    svg.replaceChildren(...arrows, ...drawn);
    setAttributes(svg, {
      "aria-label": `Layers of ${widths.join(", ")} neurons, joined by arrows`,
    });
  }

  function fill(widths, batch, followed) {
    const layers = model.layersOf(widths, batch);
    const cells = (...texts) => texts.map((text) => h("td", {}, text));
    const rows = layers.map(({ weight, bias, parameters, output }, i) =>
      h(
        "tr",
        { class: i + 1 === followed ? `${STYLE}-now` : null },
        h("th", { scope: "row" }, String(i + 1)),
        cells(...[weight, bias].map(model.written), thousands(parameters), model.written(output)),
      ),
    );
    const { parameters } = model.totals(widths);
    const sums = cells("", "", thousands(parameters), "");
    body.replaceChildren(...rows, h("tr", {}, h("th", { scope: "row" }, "all"), sums));
    code.textContent = `nn.Sequential(${model.modules(widths).join(", ")})`;
  }

  let drawnFields = 0;
  return () => {
    const [widths, batch] = [ui.get("widths"), ui.get("batch")];
    const followed = Math.min(ui.get("layer"), depth());
    if (drawnFields !== widths.length) {
      drawFields();
      drawnFields = widths.length;
    }
    for (const [at, field] of [...fields.querySelectorAll("input")].entries()) {
      if (document.activeElement !== field) field.value = String(widths[at]);
      field.setAttribute("value", String(widths[at]));
    }
    draw(widths, batch, followed);
    fill(widths, batch, followed);
    ui.readout(describe(widths, batch, followed));
  };
}

export default defineWidget({
  name: "ParameterCounter",
  title: "A network's shapes and parameters",
  linked: ["widths", "batch", "layer"],
  readoutFirst: true,
  build,
});
