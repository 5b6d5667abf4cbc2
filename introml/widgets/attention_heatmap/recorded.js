// Recorded mode: all heads of a trained encoder at a glance, one of them large, and one query's row.

import { select as selectControl } from "../kit/controls.js";
import { fixed, h, picture, predict, s, setAttributes } from "../kit/index.js";
import { roving } from "../kit/roving.js";
import * as model from "./model.js";

const LEVELS = 6;
const HEIGHT = 396;
const STRONGEST = 6;

const NAMES = {
  "previous-token": "the token just before",
  "next-token": "the token just after",
  start: "[CLS], the first token",
  end: "[SEP], the last token",
  "same-token": "the same word elsewhere",
  even: "all tokens about evenly",
  "it-to-animal": "from “it” to “animal”",
  "pronoun-to-thing": "from “it” to its noun",
};

const quoted = (token) => `“${token}”`;

/** Word pieces as the reader wrote them are not kept: `##` marks a piece that continues a word. */
function shortened(token, most) {
  return token.length > most ? `${token.slice(0, most - 1)}…` : token;
}

/** Which sentence is shown: a recorded one, or the reader's own once the encoder has answered. */
function chooseSource(ui) {
  const cache = new Map();
  return () => {
    const recording = ui.get("recording");
    if (!recording)
      throw new Error('there is no recording; give mode="recorded" without recording=None');
    const { layers, heads, sentences } = recording;
    const own = ui.get("sentence") ? ui.get("_own") : null;
    const ready = own?.tokens && own.text === ui.get("sentence");
    const example = Math.min(ui.get("example"), sentences.length - 1);
    const shown = ready ? own : sentences[example];
    const key = ready ? own.text : example;
    if (!cache.has(key)) {
      cache.set(key, model.dequantize(shown, layers, heads));
    }
    return {
      key,
      own: ready,
      text: shown.text,
      tokens: shown.tokens,
      weights: cache.get(key),
      layer: Math.min(ui.get("layer"), layers - 1),
      head: Math.min(ui.get("head"), heads - 1),
    };
  };
}

/** The grid of all heads; `redraw(source)`. */
function overview(ui, width, { layers, heads }) {
  const left = 34;
  const top = 36;
  const pitch = Math.min(30, (width - left) / heads);
  const box = pitch - 3;
  const label = (text, x, y, anchor = "middle") =>
    s("text", { x, y, "text-anchor": anchor, class: "iml-attention-tick" }, text);
  const shades = Array.from({ length: LEVELS }, (_, i) =>
    s("path", {
      fill: "none",
      style: { stroke: "var(--iml-blue)", "stroke-opacity": (i + 1) / LEVELS },
    }),
  );
  const shadeGroup = s("g", { "aria-hidden": "true" }, shades);
  const frame = s("rect", {
    width: box + 3,
    height: box + 3,
    class: "iml-attention-frame",
    "aria-hidden": "true",
  });
  const cells = Array.from({ length: layers * heads }, (_, i) =>
    s("rect", {
      x: left + (i % heads) * pitch,
      y: top + Math.floor(i / heads) * pitch,
      width: box,
      height: box,
      role: "gridcell",
      class: "iml-attention-head",
      "aria-label": `Head ${Math.floor(i / heads)}.${i % heads}`,
    }),
  );
  const rows = Array.from({ length: layers }, (_, layer) =>
    s("g", { role: "row" }, cells.slice(layer * heads, (layer + 1) * heads)),
  );
  const group = s(
    "g",
    {},
    label("head", left + (heads * pitch) / 2 - 1.5, 12),
    ...Array.from({ length: heads }, (_, i) => label(i, left + i * pitch + box / 2, 29)),
    ...Array.from({ length: layers }, (_, i) =>
      label(i, left - 7, top + i * pitch + box / 2 + 4, "end"),
    ),
    s(
      "text",
      {
        transform: `translate(10 ${top + (layers * pitch) / 2}) rotate(-90)`,
        "text-anchor": "middle",
        class: "iml-attention-tick",
      },
      "layer",
    ),
    shadeGroup,
    s("g", { role: "grid", "aria-label": "All heads, a row a layer" }, rows),
    frame,
  );
  const choose = (index) => ui.set({ layer: Math.floor(index / heads), head: index % heads });
  let chosen = 0;
  const refocus = roving(cells, { columns: heads, current: () => chosen, choose });
  let drawn = null;

  const cache = new Map();

  function pathsOf(source) {
    if (!cache.has(source.key)) {
      const n = source.tokens.length;
      // A head is n units wide and the gap a whole number of them, so that all coordinates are whole.
      const step = n + Math.max(1, Math.round((n * (pitch - box)) / box));
      const all = Array.from({ length: LEVELS }, () => []);
      for (const [l, layer] of source.weights.entries()) {
        for (const [k, head] of layer.entries()) {
          for (const [i, path] of model.shadePaths(head, LEVELS, k * step, l * step).entries()) {
            all[i].push(path);
          }
        }
      }
      cache.set(source.key, { paths: all.map((parts) => parts.join("")), unit: pitch / step });
    }
    return cache.get(source.key);
  }

  function redraw(source) {
    chosen = source.layer * heads + source.head;
    if (drawn !== source.key) {
      drawn = source.key;
      const { paths, unit } = pathsOf(source);
      for (const [i, path] of shades.entries()) path.setAttribute("d", paths[i]);
      const place = `translate(${left} ${(top + unit / 2).toFixed(2)}) scale(${unit.toFixed(5)})`;
      shadeGroup.setAttribute("transform", place);
    }
    setAttributes(frame, {
      x: left + source.head * pitch - 1.5,
      y: top + source.layer * pitch - 1.5,
    });
    refocus();
  }
  return { group, redraw, bottom: top + layers * pitch };
}

/** The largest weights of one query as bars with their numbers. */
function strongestBars(width, top) {
  const group = s("g", { "aria-hidden": "true" });
  const left = 84;
  const pitch = 19;
  return {
    group,
    redraw({ tokens, weights, layer, head }, query) {
      const row = query < 0 ? model.meanRow(weights[layer][head]) : weights[layer][head][query];
      const title =
        query < 0
          ? "Weight on each token, mean of all rows"
          : `Weights of ${quoted(tokens[query])}, the largest ${Math.min(STRONGEST, tokens.length)}`;
      const bars = model.strongest(row, STRONGEST).flatMap(([index, weight], i) => {
        const y = top + 28 + i * pitch;
        const length = Math.max(1, weight * (width - left - 46));
        return [
          s("text", { x: left - 8, y: y + 10, "text-anchor": "end" }, shortened(tokens[index], 11)),
          s("rect", {
            x: left,
            y,
            width: length.toFixed(1),
            height: 13,
            class: "iml-attention-bar",
          }),
          s(
            "text",
            { x: left + length + 6, y: y + 11, class: "iml-attention-tick" },
            fixed(weight),
          ),
        ];
      });
      group.replaceChildren(s("text", { x: 0, y: top + 12 }, title), ...bars);
    },
  };
}

/** What the shades mean, from weight 0 to 1. */
function scale(y) {
  const [left, width] = [84, 19];
  const steps = Array.from({ length: LEVELS + 1 }, (_, i) => {
    const style = { fill: "var(--iml-blue)", "fill-opacity": i / LEVELS };
    return s("rect", { x: left + i * width, y, width, height: 11, style });
  });
  const tick = (text, i) =>
    s(
      "text",
      {
        x: left + (i + 0.5) * width,
        y: y - 4,
        "text-anchor": "middle",
        class: "iml-attention-tick",
      },
      text,
    );
  // Where a weight's shade lies on the scale.
  const ticks = [0, 0.1, 0.5, 1].map((weight) => tick(weight, LEVELS * model.shade(weight)));
  const outline = s("rect", {
    x: left,
    y,
    width: (LEVELS + 1) * width,
    height: 11,
    class: "iml-attention-ground",
  });
  const name = s("text", { x: left - 8, y: y + 10, "text-anchor": "end" }, "weight");
  return s("g", { "aria-hidden": "true" }, name, steps, outline, ticks);
}

/** One head large: tokens × tokens, or lines from the queries at the left to the keys at the right. */
function detail(ui, width) {
  const svg = picture({ width, height: HEIGHT, role: null, label: "One head's weights" });
  let drawn = "";
  let hovered = -1;
  let rows = [];
  let refocus = () => {};

  function build(source, look) {
    const n = source.tokens.length;
    const map = look === "map";
    const [left, top] = map ? [84, 88] : [96, 46];
    const pitch = Math.min(map ? (width - left - 2) / n : 22, (HEIGHT - top - 6) / n);
    const y = (i) => top + i * pitch + pitch / 2;
    const right = map ? left + n * pitch : width - 128;
    const size = Math.max(9, Math.min(13, pitch - 2));
    const style = { "font-size": `${size}px` };
    const head = source.weights[source.layer][source.head];
    const text = (x, at, token, anchor, most) =>
      s("text", { x, y: at + size * 0.35, "text-anchor": anchor, style }, shortened(token, most));
    const keys = source.tokens.map((token, j) =>
      map
        ? s(
            "text",
            {
              transform: `translate(${(left + j * pitch + pitch / 2 + size * 0.35).toFixed(1)} ${top - 6}) rotate(-90)`,
              style,
            },
            shortened(token, 11),
          )
        : text(right + 8, y(j), token, "start", 11),
    );
    rows = source.tokens.map((token, i) => {
      const hit = s("rect", {
        x: 0,
        y: top + i * pitch,
        width: map ? right : left,
        height: pitch,
        class: "iml-attention-hit",
      });
      const marks = head[i].map((weight, j) =>
        map
          ? s("rect", {
              x: (left + j * pitch).toFixed(2),
              y: (top + i * pitch).toFixed(2),
              width: pitch.toFixed(2),
              height: pitch.toFixed(2),
              style: { fill: "var(--iml-blue)", "fill-opacity": model.shade(weight).toFixed(3) },
            })
          : weight < 0.01
            ? null
            : s("line", {
                x1: left,
                y1: y(i).toFixed(1),
                x2: right,
                y2: y(j).toFixed(1),
                "stroke-width": 3,
                style: { stroke: "var(--iml-blue)", "stroke-opacity": weight.toFixed(3) },
              }),
      );
      const node = s(
        "g",
        { role: "option", class: "iml-attention-row", "aria-label": `${i}: ${token}` },
        hit,
        text(left - 8, y(i), token, "end", 11),
      );
      node.addEventListener("pointerenter", () => hover(i));
      node.addEventListener("pointerleave", () => hover(-1));
      return { node, marks: s("g", { class: "iml-attention-marks" }, marks), head: head[i] };
    });
    const shares = map
      ? null
      : source.tokens.map((_, j) =>
          s("text", {
            x: width,
            y: y(j) + size * 0.35,
            "text-anchor": "end",
            class: "iml-attention-tick",
            style,
          }),
        );
    const list = s(
      "g",
      { role: "listbox", "aria-label": "Query token" },
      rows.map(({ node }) => node),
    );
    // The rows' targets lie on top, so that a row of the map can be pointed at anywhere.
    svg.replaceChildren(
      s("text", { x: 0, y: 13 }, `Head ${source.layer}.${source.head}`),
      s(
        "text",
        { x: left - 8, y: top - (map ? 6 : 9), "text-anchor": "end", class: "iml-attention-tick" },
        "query ↓",
      ),
      map
        ? s(
            "text",
            { x: width - 2, y: 13, "text-anchor": "end", class: "iml-attention-tick" },
            "key →",
          )
        : s("text", { x: right + 8, y: top - 9, class: "iml-attention-tick" }, "key ↓"),
      map
        ? s("rect", {
            x: left,
            y: top,
            width: n * pitch,
            height: n * pitch,
            class: "iml-attention-ground",
          })
        : "",
      ...rows.map(({ marks }) => marks),
      ...keys,
      ...(shares ?? []),
      list,
    );
    refocus = roving(
      rows.map(({ node }) => node),
      {
        current: () => ui.get("token"),
        choose: (token) => ui.set({ token }),
        clear: () => ui.set({ token: -1 }),
      },
    );
    svg.marked = (query) => {
      for (const [i, { node, marks }] of rows.entries()) {
        const dimmed = query >= 0 && i !== query;
        setAttributes(marks, {
          class: `iml-attention-marks${dimmed ? (map ? " iml-dimmed" : " iml-gone") : ""}`,
        });
        setAttributes(node, { class: `iml-attention-row${i === query ? " iml-chosen" : ""}` });
      }
      for (const [j, node] of (shares ?? []).entries()) {
        node.textContent = query < 0 ? "" : fixed(rows[query].head[j]);
      }
    };
  }

  const hover = (index) => {
    hovered = index;
    ui.redraw();
  };

  return {
    svg,
    /** The query whose row stands out: the one pointed at, else the one chosen. */
    query: (source) => {
      const query = hovered >= 0 ? hovered : ui.get("token");
      return query < source.tokens.length ? query : -1;
    },
    redraw(source, query) {
      const key = [source.key, source.layer, source.head, ui.get("display")].join();
      if (drawn !== key) {
        // The focus is kept through a change of head by its place in the list.
        drawn = key;
        build(source, ui.get("display"));
      }
      svg.marked(query);
      refocus();
    },
  };
}

export function buildRecorded(ui) {
  const readSource = chooseSource(ui);
  const recording = ui.get("recording");
  if (!recording) return readSource;
  const width = ui.columns(2, 310, 24);
  const glance = overview(ui, width, recording);
  const bars = strongestBars(width, glance.bottom + 18);
  const left = picture({ width, height: HEIGHT, role: null, label: "All heads" });
  left.append(glance.group, bars.group, scale(HEIGHT - 16));
  const large = detail(ui, width);
  const source = h("p", { class: "iml-attention-source" });
  ui.stage(left, large.svg, source);

  const texts = recording.sentences.map(({ text }, i) => [i, `${i}: ${text}`]);
  const ownIsShown = () => Boolean(ui.get("sentence"));
  const sentences = selectControl(
    {
      ...ui,
      get: (name) => (ownIsShown() ? -1 : ui.get(name)),
      set: ({ example }) => ui.set({ example, sentence: "", token: -1 }),
    },
    { trait: "example", label: "Sentence", options: texts },
  );
  ui.controls(sentences, ...controls(ui, recording), ownSentence(ui), ...guess(ui, recording));

  return () => {
    const now = readSource();
    const query = large.query(now);
    glance.redraw(now);
    bars.redraw(now, query);
    large.redraw(now, query);
    source.textContent = provenance(recording, now);
    ui.readout(sentence(now, query));
  };
}

function controls(ui, recording) {
  const id = ui.id("notable");
  const input = h(
    "select",
    {
      id,
      onchange: () => {
        const found = recording.notable[input.selectedIndex - 1];
        if (!found) return;
        const [first] = found.readings;
        ui.set({
          layer: found.layer,
          head: found.head,
          example: first.sentence,
          sentence: "",
          token: first.query ?? -1,
        });
      },
    },
    h("option", { value: "" }, "… (choose)"),
    recording.notable.map(({ id: name, layer, head }) =>
      h("option", { value: name }, `${layer}.${head}: ${NAMES[name] ?? name}`),
    ),
  );
  const claim = h("p", { class: "iml-attention-source" });
  ui.onRedraw(() => {
    const { notable } = recording;
    const fits = (found) => found?.layer === ui.get("layer") && found.head === ui.get("head");
    // A head can stand for two patterns: the one that was picked stays.
    if (!fits(notable[input.selectedIndex - 1])) input.selectedIndex = notable.findIndex(fits) + 1;
    const chosen = notable[input.selectedIndex - 1];
    claim.textContent = chosen ? `Found by scanning all heads: ${chosen.claim}` : "";
  });
  return [
    ui.choice({
      trait: "display",
      label: "Draw the head as",
      options: [
        ["map", "heat map"],
        ["lines", "lines"],
      ],
    }),
    h(
      "div",
      { class: "iml-control iml-select" },
      h("label", { for: id }, "Heads that look at"),
      input,
    ),
    claim,
  ];
}

/** A field for the reader's own sentence: it needs the kernel that a notebook has and a page has not. */
function ownSentence(ui) {
  const kernel = ui.model.anchor === undefined && !ui.still;
  if (!kernel) {
    return h(
      "p",
      { class: "iml-attention-source" },
      "Your own sentence needs a Python kernel: open this page's notebook in JupyterLab. Without one, " +
        "choose among the recorded sentences.",
    );
  }
  const id = ui.id("sentence");
  const input = h("input", {
    type: "text",
    id,
    maxlength: 200,
    placeholder: "type one and press Enter",
    onchange: () => ui.set({ sentence: input.value.trim(), token: -1 }),
  });
  const state = h("span", { role: "status" });
  ui.onRedraw(() => {
    const [text, own] = [ui.get("sentence"), ui.get("_own")];
    if (input.value !== text && input !== document.activeElement) input.value = text;
    const answered = own?.text === text;
    state.textContent =
      !text || (answered && !own.error) ? "" : answered ? own.error : "The encoder is running …";
  });
  return h(
    "div",
    { class: "iml-control iml-attention-own" },
    h("label", { for: id }, "Your own sentence"),
    input,
    state,
  );
}

/** Where does “it” look? Answered from the recording itself. */
function guess(ui, recording) {
  const [first] = recording.sentences;
  const query = first.tokens.indexOf("it");
  if (query < 0) return [];
  const weights = model.dequantize(first, recording.layers, recording.heads);
  const counts = model.favorites(weights, query);
  const options = ["animal", "street", "it", "[CLS]"].filter((token) =>
    first.tokens.includes(token),
  );
  const count = (token) => counts[first.tokens.indexOf(token)];
  const most = options.reduce((best, token) => (count(token) > count(best) ? token : best));
  return [
    predict(ui, {
      question: `in ${quoted(first.text)}, on which token do most heads put the largest weight of “it”?`,
      options: options.map(quoted),
      answer: () => options.indexOf(most),
      explain: () =>
        `Of ${recording.layers * recording.heads} heads, ` +
        `${options.map((token) => `${count(token)} look most at ${quoted(token)}`).join(", ")}. ` +
        "[CLS] is a token that the tokenizer puts in front; it stands for no word.",
    }),
  ];
}

function provenance({ provenance: made, layers, heads }, now) {
  const name = made.model.split("/").at(-1);
  const how = now.own
    ? "computed by your kernel"
    : `recorded by ${made.script} with torch ${made.torch.split("+")[0]}`;
  return `Weights of ${name} (${layers} layers of ${heads} heads, ${made.license}), ${how}, each to the nearest 1/255.`;
}

function sentence({ tokens, weights, layer, head }, query) {
  const matrix = weights[layer][head];
  const even = `ln ${tokens.length} = ${fixed(Math.log(tokens.length))}`;
  if (query < 0) {
    const mean = matrix.reduce((sum, row) => sum + model.entropy(row), 0) / matrix.length;
    const [[top, share]] = model.strongest(model.meanRow(matrix), 1);
    return (
      `Head ${layer}.${head} puts most weight on ${quoted(tokens[top])}: ${fixed(share)} of a row, averaged over the ` +
      `${tokens.length} tokens. A row's entropy is ${fixed(mean)} nats on average; equal weights would ` +
      `have ${even}. Choose a token at the left of the large picture to see its row alone.`
    );
  }
  const row = matrix[query];
  const named = model
    .strongest(row, 3)
    .map(([j, weight]) => `${quoted(tokens[j])} (${fixed(weight)})`);
  return (
    `In head ${layer}.${head}, ${quoted(tokens[query])} attends most to ${named.slice(0, -1).join(", then ")} and ` +
    `${named.at(-1)}. Its ${row.length} weights sum to ${fixed(row.reduce((a, b) => a + b, 0))} and have entropy ` +
    `${fixed(model.entropy(row))} nats; equal weights would have ${even}.`
  );
}
