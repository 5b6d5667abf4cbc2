import { fold } from "../kit/controls.js";
import {
  defineWidget,
  fixed,
  legend,
  picture,
  plot,
  predict,
  s,
  significant,
} from "../kit/index.js";
import { clamp } from "../maths/numbers.js";
import * as model from "./model.js";
import { describe } from "./wording.js";

const KEYS = Array.from({ length: model.POSITIONS }, (_, t) => t);
const LEFT = 46;
const RIGHT = 14;
const TALL = 184; // of the upper picture
const TOP = 24;
const TITLES = {
  "sin-cos": "Numbers of each position: a stronger blue is larger",
  learned: "32 random rows: a stronger blue is larger",
  rope: "Each pair of numbers is a hand; below it, the cosine between",
  alibi: "The factor on a key's weight, one row a head",
};
const LABELS = { "sin-cos": "dot product", learned: "dot product", rope: "dot product" };

/** How strong a cell's colour is, 0 to 1. */
function shade(encoding, value) {
  if (encoding === "alibi") return value;
  return encoding === "learned" ? clamp((value + 2.5) / 5, 0, 1) : (value + 1) / 2;
}

function build(ui) {
  const setting = () => ({
    ...{ encoding: ui.get("encoding"), width: ui.get("width"), base: ui.get("base") },
    ...{ back: ui.get("back"), head: ui.get("head") },
  });
  const upper = picture({
    width: ui.width,
    height: TALL,
    label: "The encoding of the positions, those of the query and the key marked",
  });
  const lower = plot({
    width: ui.width,
    height: 230,
    role: null,
    label: "The score of the query with the key at every position",
    x: {
      domain: [-0.5, model.POSITIONS - 0.5],
      label: "position of the key",
      ticks: [0, 10, 20, 30, 40],
    },
    y: { domain: [-4.4, 5.6], label: "dot product" },
    margin: { left: LEFT, right: RIGHT },
  });
  // For the pointer alone: the slider does the same for the keyboard.
  lower.svg.style.setProperty("cursor", "pointer");
  lower.svg.addEventListener("click", (event) => {
    ui.set({ key: clamp(Math.round(lower.at(event)[0]), 0, model.POSITIONS - 1) });
  });
  ui.stage(upper, lower.svg);

  const waves = () => ["sin-cos", "rope"].includes(ui.get("encoding"));
  const base = ui.slider({ trait: "base", label: "Base", scale: "log", format: significant });
  const back = ui.slider({ trait: "back", label: "Turn the query back by", format: String });
  const head = ui.stepper({ trait: "head", label: "Head" });
  const width = ui.select({ trait: "width", label: "Numbers", options: [4, 8, 16] });
  const more = fold("Width, base, looking back", width, base, back);
  ui.controls(
    predict(ui, {
      question:
        "with sin–cos, query and key both move 10 positions to the right. Their dot product …",
      options: ["grows", "stays the same", "falls"],
      spoilt: true,
      answer: () => 1,
      explain: () =>
        "Every pair of sine and cosine is a hand that turns steadily. Both hands turn on by the same " +
        "angle, and a dot product sees only the angle between them.",
    }),
    ui.choice({
      trait: "encoding",
      label: "Encoding",
      options: [
        ["sin-cos", "sin–cos"],
        ["learned", "learned"],
        ["rope", "RoPE"],
        ["alibi", "ALiBi"],
      ],
    }),
    ui.slider({ trait: "query", label: "Query position", format: String }),
    ui.slider({ trait: "key", label: "Key position", format: String }),
    head,
    legend([
      ["green", "query"],
      ["orange", "key"],
    ]),
    more,
  );

  const text = (x, y, said, options = {}) => s("text", { x, y, ...options }, said);
  const title = s("text", { x: 0, y: 13 });
  const cells = s("g", {});
  const marks = s("g", {});
  upper.append(title, cells, marks);
  const step = (ui.width - LEFT - RIGHT) / model.POSITIONS;

  /** Positions across, numbers (or heads) down. */
  function heatMap(now, query) {
    const rows = model.table(now, query);
    const tall = (TALL - TOP) / rows.length;
    cells.replaceChildren(
      ...rows.flatMap((row, i) =>
        row.flatMap((value, t) =>
          value === null
            ? []
            : s("rect", {
                x: (LEFT + t * step).toFixed(1),
                y: (TOP + i * tall).toFixed(1),
                width: Math.max(1, step - 0.6).toFixed(1),
                height: (tall - 0.6).toFixed(1),
                style: {
                  fill: "var(--iml-blue)",
                  "fill-opacity": shade(now.encoding, value).toFixed(3),
                },
              }),
        ),
      ),
      ...rows.map((_, i) =>
        text(LEFT - 8, TOP + (i + 0.5) * tall + 4, String(now.encoding === "alibi" ? i + 1 : i), {
          ...{ "text-anchor": "end", class: "iml-position-row" },
        }),
      ),
    );
    return tall;
  }

  function frame(x, y, wide, tall, color) {
    return s("rect", {
      ...{ x: (x - 1).toFixed(1), y: (y - 1).toFixed(1) },
      ...{ width: (wide + 1.4).toFixed(1), height: (tall + 1.4).toFixed(1) },
      class: "iml-position-frame",
      style: { stroke: `var(--iml-${color})` },
    });
  }

  /** RoPE: a dial for each pair, with the hands of the query and the key. */
  function dials({ width, base, back }, query, key) {
    const each = model.frequencies(width, base);
    const across = ui.width < 520 ? Math.min(4, each.length) : each.length;
    const down = each.length / across;
    const [wide, tall] = [ui.width / across, (TALL - TOP) / down];
    const r = Math.min(wide / 2 - 6, tall / 2 - 12, 56);
    cells.replaceChildren(
      ...each.flatMap((w, i) => {
        const cx = wide * ((i % across) + 0.5);
        const cy = TOP + tall * Math.floor(i / across) + r + 3;
        const hand = (position, color, strong) =>
          s("line", {
            ...{ x1: cx.toFixed(1), y1: cy.toFixed(1), "stroke-width": strong },
            x2: (cx + r * Math.cos(w * position)).toFixed(2),
            y2: (cy - r * Math.sin(w * position)).toFixed(2),
            "stroke-linecap": "round",
            style: { stroke: `var(--iml-${color})` },
          });
        const share = Math.cos(w * (query - back - key));
        return [
          s("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r, class: "iml-position-dial" }),
          hand(key, "orange", 5),
          hand(query - back, "green", 2.5),
          text(cx.toFixed(1), (cy + r + 15).toFixed(1), fixed(share), {
            ...{ "text-anchor": "middle", class: "iml-position-row" },
          }),
        ];
      }),
    );
  }

  /** @returns {[number, number]} */
  function domain({ encoding, width }) {
    if (encoding === "alibi") return [-25, 4];
    if (encoding === "learned") return [-2.6 * width ** 0.75, 2.8 * width];
    return [-0.56 * width, 0.72 * width];
  }

  return () => {
    const now = setting();
    const [query, key] = [ui.get("query"), ui.get("key")];
    const show = (node, on) => node.style.setProperty("display", on ? "" : "none");
    show(head, now.encoding === "alibi");
    show(more, now.encoding !== "alibi");
    show(base, waves());
    show(back, waves());
    title.textContent = TITLES[now.encoding];
    if (now.encoding === "rope") {
      dials(now, query, key);
      marks.replaceChildren();
    } else {
      const tall = heatMap(now, query);
      const own = (at, color) => frame(LEFT + at * step, TOP, step - 0.6, TALL - TOP - 1, color);
      marks.replaceChildren(
        now.encoding === "alibi"
          ? frame(LEFT, TOP + (now.head - 1) * tall, step * model.POSITIONS, tall - 0.6, "ink")
          : "",
        own(key, "orange"),
        own(query, "green"),
      );
    }
    lower.setAxes({
      y: {
        domain: domain(now),
        label: LABELS[now.encoding] ?? "added to the score",
        ticks: now.encoding === "alibi" ? [0, -8, -16, -24] : 5,
      },
    });
    const found = model.scores(now, query, KEYS);
    const points = KEYS.map((t) => [t, found[t] ?? Number.NaN]);
    lower.line("scores", points, { color: "blue", width: 2 });
    lower.dots(
      "all",
      points.filter(([, value]) => Number.isFinite(value)),
      { color: "blue", r: 2.5 },
    );
    lower.rule("query", { x: query, label: "query", color: "green" });
    lower.dots("key", found[key] === null ? [] : [[key, found[key]]], { color: "orange", r: 6.5 });
    ui.readout(describe({ ...now, query, key }));
  };
}

export default defineWidget({
  name: "PositionExplorer",
  title: "Positional encodings, and the score of two positions",
  linked: ["encoding", "query", "key", "width", "base", "back", "head"],
  build,
});
