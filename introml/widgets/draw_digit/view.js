import {
  defineWidget,
  fixed,
  h,
  percent,
  picture,
  s,
  setAttributes,
  swatchOf,
} from "../kit/index.js";
import * as model from "./model.js";
import { ink, pad } from "./pad.js";

const CELL = 11;
const PAD = CELL * model.SIDE;
const GAP = 24;
const THUMB = 3;
const BARS = 96;

const RULES = [
  "Horizontal line at the top",
  "Diagonal, north-east to south-west",
  "They meet at the upper right",
];

/** The heading of a contestant, in its own colour. */
function heading(color, says, verdict) {
  return h("p", { class: "iml-draw-digit-heading" }, swatchOf(color, "dot"), says, verdict);
}

/** What each rule measured, and its limit. */
function measured(found) {
  if (found === null) return ["", "", ""];
  const { bar, slope, thin, gap, barStart, barEnd } = found;
  const { LIMITS } = model;
  const moves = `${fixed(Math.abs(slope))} px ${slope < 0 ? "left" : "right"} a row`;
  return [
    `run of ${barEnd - barStart + 1} px, ${percent(bar)} of the width (≥ ${percent(LIMITS.bar)})`,
    Number.isNaN(slope)
      ? "no stroke below the top third"
      : `${moves}; thin in ${percent(thin)} of rows (≥ ${percent(LIMITS.thin)})`,
    Number.isNaN(gap)
      ? "nothing to meet"
      : `${percent(gap)} of the width apart (≤ ${percent(LIMITS.gap)})`,
  ];
}

/** The three rules' evidence, drawn over the ink in pixels of the picture. */
function drawEvidence(layer, found, holds) {
  if (found === null) return layer.replaceChildren();
  const { box, barRow, barStart, barEnd, slope, reach } = found;
  const line = (rule, x1, y1, x2, y2, dashed = false) => {
    const ends = { x1, y1, x2, y2, "stroke-linecap": dashed ? "butt" : "round" };
    const color = holds[rule] ? "reference" : "error";
    return [
      s("line", { ...ends, "stroke-width": 0.72, style: { stroke: "var(--iml-paper)" } }),
      s("line", {
        ...ends,
        "stroke-width": 0.36,
        "stroke-dasharray": dashed ? "0.6 0.4" : null,
        style: { stroke: `var(--iml-${color})` },
      }),
    ];
  };
  const inside = (value) => Math.min(model.SIDE - 1, Math.max(1, value));
  const tag = (rule, x, y) =>
    s(
      "g",
      { transform: `translate(${inside(x)} ${inside(y)})` },
      s("circle", {
        r: 0.78,
        style: { fill: `var(--iml-${holds[rule] ? "reference" : "error"})` },
      }),
      s("text", { class: "iml-draw-digit-tag", y: 0.37 }, String(rule + 1)),
    );
  const middle = barRow + 0.5;
  const at = (row) => reach + 0.5 + slope * (row - barRow);
  const parts = [
    s("rect", {
      class: "iml-draw-digit-box",
      x: box.left,
      y: box.top,
      width: box.right - box.left + 1,
      height: box.bottom - box.top + 1,
    }),
    s("line", {
      class: "iml-draw-digit-box",
      x1: box.left,
      x2: box.right + 1,
      y1: box.third,
      y2: box.third,
    }),
    ...line(0, barStart + 0.5, middle, barEnd + 0.5, middle),
  ];
  const tags = [tag(0, barStart - 1.1, middle)];
  if (Number.isFinite(slope)) {
    parts.push(...line(1, at(box.third), box.third + 0.5, at(box.bottom), box.bottom + 0.5));
    parts.push(...line(2, at(box.third), box.third + 0.5, at(barRow), middle, true));
    parts.push(...line(2, at(barRow), middle, barEnd + 0.5, middle, true));
    tags.push(
      tag(1, at(box.bottom) - 1.6, box.bottom),
      tag(2, Math.max(barEnd + 0.5, at(barRow)) + 1.6, middle),
    );
  }
  layer.replaceChildren(...parts, ...tags);
}

function rulesPanel(width) {
  const verdict = h("strong", {});
  const rows = RULES.map((name, i) => {
    const number = h("span", { class: "iml-draw-digit-number" }, String(i + 1));
    const mark = h("span", { class: "iml-draw-digit-mark", role: "img", "aria-label": "?" });
    const detail = h("small", {});
    return { item: h("li", {}, number, mark, h("span", {}, name, detail)), mark, detail };
  });
  const node = h(
    "div",
    { class: "iml-draw-digit-panel", style: { width: `${width}px` } },
    heading("reference", "Three rules say: ", verdict),
    h(
      "ol",
      { class: "iml-draw-digit-rules" },
      rows.map(({ item }) => item),
    ),
  );
  return {
    node,
    redraw(found, holds, reasons) {
      verdict.textContent = found === null ? "–" : holds.every(Boolean) ? "7" : "not a 7";
      for (const [i, text] of measured(found).entries()) {
        const { item, mark, detail } = rows[i];
        mark.textContent = holds[i] ? "✓" : "✗";
        setAttributes(mark, { "aria-label": holds[i] ? "holds:" : "fails:" });
        item.className = holds[i] ? "iml-draw-digit-holds" : "iml-draw-digit-fails";
        detail.textContent = reasons ? text : "";
      }
    },
  };
}

function networkPanel(width) {
  const verdict = h("strong", {});
  const thumb = s("g", { transform: `scale(${THUMB})`, "shape-rendering": "crispEdges" });
  const seen = s(
    "svg",
    {
      class: "iml-draw-digit-seen",
      viewBox: `0 0 ${model.SIDE * THUMB} ${model.SIDE * THUMB}`,
      role: "img",
      "aria-label": "The picture as the learned program is given it",
    },
    thumb,
  );
  const caption = h("small", {});
  const wide = width - model.SIDE * THUMB - 16;
  const bars = picture({
    width: wide,
    height: BARS + 34,
    label: "Probability that the learned program gives to each digit",
  });
  const step = wide / 10;
  const columns = Array.from({ length: 10 }, (_, digit) => {
    const x = (digit + 0.5) * step;
    const bar = s("rect", { x: x - step * 0.34, width: step * 0.68 });
    const value = s("text", { x, "text-anchor": "middle", class: "iml-draw-digit-value" });
    const name = s("text", { x, y: BARS + 30, "text-anchor": "middle" }, String(digit));
    bars.append(bar, value, name);
    return { bar, value, name };
  });
  bars.append(
    s("line", { class: "iml-draw-digit-base", x1: 0, x2: wide, y1: BARS + 14, y2: BARS + 14 }),
  );
  const inside = h(
    "div",
    { class: "iml-draw-digit-network" },
    h("div", { style: { width: "84px" } }, seen, caption),
    bars,
  );
  const node = h(
    "div",
    { class: "iml-draw-digit-panel", style: { width: `${width}px` } },
    heading("prediction", "The learned program says: ", verdict),
    inside,
  );
  return {
    node,
    redraw(input, normalized, probabilities, best, reasons) {
      verdict.textContent = best === null ? "–" : String(best);
      inside.toggleAttribute("hidden", !reasons);
      if (!reasons) return;
      ink(thumb, input);
      caption.textContent = `its input, ${normalized ? "scaled and centred" : "as on the pad"}`;
      for (const [digit, { bar, value, name }] of columns.entries()) {
        const p = best === null ? 0 : probabilities[digit];
        const height = Math.max(best === null ? 0 : 1, p * BARS);
        setAttributes(bar, {
          y: (BARS + 14 - height).toFixed(1),
          height: height.toFixed(1),
          style: { fill: `var(--iml-${digit === best ? "prediction" : "control"})` },
        });
        setAttributes(value, { y: (BARS + 9 - height).toFixed(1) });
        value.textContent = p < 0.005 ? "" : p >= 0.995 ? "> 0.99" : fixed(p);
        name.setAttribute("font-weight", digit === best ? "700" : "400");
      }
    },
  };
}

/** A probability that rounds to 1 is not 1. */
const likely = (p) => (p >= 0.995 ? "over 0.99" : fixed(p));

function sentence({ found, holds, best, probability, truth, reasons }) {
  if (found === null)
    return "The pad is blank. Draw a digit, a 7 for instance, or load a real one.";
  const failing = [1, 2, 3].filter((_, i) => !holds[i]);
  const seven = failing.length === 0;
  const number =
    failing.length > 1 ? `${failing.slice(0, -1).join(", ")} and ${failing.at(-1)}` : failing[0];
  const rules = seven
    ? "All three rules hold, so they call this a 7"
    : `Rule${failing.length > 1 ? "s" : ""} ${number} fail${failing.length > 1 ? "" : "s"}, so the rules say “not a 7”`;
  const sure = reasons ? `, with probability ${likely(probability)}` : "";
  const network = `the learned program says ${best}${sure}`;
  if (truth === null) return `${rules}; ${network}.`;
  const [a, b] = [seven === (truth === 7), best === truth].map((right) =>
    right ? "right" : "wrong",
  );
  const who = a === b ? `both are ${a}` : `the rules are ${a}, the learned program is ${b}`;
  return `${rules}; ${network}. The writer meant ${truth === 8 ? "an" : "a"} ${truth}: ${who}.`;
}

function build(ui) {
  const side = ui.width - PAD - GAP >= 300 ? ui.width - PAD - GAP : ui.width;
  const shown = () => {
    if (ui.get("drawing")) return ui.get("drawing");
    const examples = ui.get("examples");
    const one = examples[ui.get("example")];
    if (!one)
      throw new Error(
        `there is no example ${ui.get("example")}; they count from 0 to ${examples.length - 1}`,
      );
    return one.picture;
  };
  /** @type {number[]} */
  let pixels;
  /** @type {import("./network.js").Layer[] | undefined} */
  let layers;
  const board = pad(ui, {
    cell: CELL,
    get: () => pixels ?? model.blank(),
    set: (drawn) => ui.set({ drawing: model.toText(drawn) }),
    erase: () => ui.get("pen") === "erase",
  });
  const rules = rulesPanel(side);
  const network = networkPanel(side);
  ui.stage(
    h("div", { class: "iml-draw-digit-board", style: { width: `${PAD}px` } }, board.nodes),
    h("div", { class: "iml-draw-digit-verdicts" }, rules.node, network.node),
  );
  const scaling = ui.toggle({ trait: "normalized", label: "Centre it for the learned program" });
  ui.controls(
    ui.choice({
      trait: "pen",
      label: "Pen",
      options: [
        ["draw", "draws"],
        ["erase", "erases"],
      ],
    }),
    ui.button({
      label: "Clear",
      onpress: () => ui.set({ drawing: model.toText(model.blank()) }),
      disabled: () => pixels?.every((value) => value === 0),
    }),
    ui.button({
      label: "Load an example",
      onpress: () => {
        const next = (ui.get("example") + 1) % ui.get("examples").length;
        ui.set({ drawing: "", example: next });
      },
    }),
    ui.toggle({ trait: "reasons", label: "Show how they decide" }),
    scaling,
  );

  return () => {
    pixels = model.fromText(shown());
    layers ??= model.unpack(ui.get("network"));
    const found = model.examine(pixels);
    const holds = model.verdicts(found);
    const input = model.prepared(pixels, ui.get("normalized"));
    const probabilities = model.softmax(model.forward(layers, input));
    const blank = found === null;
    const best = blank ? null : probabilities.indexOf(Math.max(...probabilities));
    const reasons = ui.get("reasons");
    // One that is switched off stays in sight: it changes what the network says.
    scaling.toggleAttribute("hidden", !reasons && ui.get("normalized"));
    board.redraw(reasons);
    drawEvidence(board.evidence, reasons ? found : null, holds);
    rules.redraw(found, holds, reasons);
    network.redraw(input, ui.get("normalized"), probabilities, best, reasons);
    const truth = ui.get("drawing") ? null : ui.get("examples")[ui.get("example")].digit;
    ui.readout(
      sentence({
        ...{ found, holds, best, truth, reasons },
        probability: best === null ? 0 : probabilities[best],
      }),
    );
  };
}

export default defineWidget({
  name: "DrawDigit",
  title: "A digit, judged by three rules and by a learned program",
  linked: ["drawing", "example", "normalized", "reasons"],
  build,
});
