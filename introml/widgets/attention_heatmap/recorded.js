// Recorded mode: the sentences, the controls and the words around the pictures of a trained encoder.

import { fold, select as selectControl } from "../kit/controls.js";
import { fixed, h, picture, predict } from "../kit/index.js";
import { detail, quoted } from "./detail.js";
import * as model from "./model.js";
import { overview, scale, strongestBars } from "./overview.js";

/** How high the bars of the strongest weights are, their title included. */
const BARS = 142;
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

/** The head shown large; a link may name one that this recording has not. */
function shownHead(ui, { layers, heads }) {
  return {
    layer: Math.min(ui.get("layer"), layers - 1),
    head: Math.min(ui.get("head"), heads - 1),
  };
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
      ...shownHead(ui, recording),
    };
  };
}

/** The chosen token, if the other sentence has the same one at its place: the two can be compared. */
function kept(ui, { sentences }, example) {
  const token = ui.get("token");
  const now = ui.get("sentence") ? null : sentences[ui.get("example")];
  return token >= 0 && now?.tokens[token] === sentences[example].tokens[token] ? token : -1;
}

export function buildRecorded(ui) {
  const readSource = chooseSource(ui);
  const recording = ui.get("recording");
  if (!recording) return readSource;
  const width = ui.columns(2, 310, 24);
  const glance = overview(ui, width, recording);
  const heads = picture({ width, height: glance.bottom + 4, role: null, label: "All heads" });
  heads.append(glance.group);
  const bars = strongestBars(width, 0);
  const left = picture({ width, height: BARS + 46, role: null, label: "Weights" });
  left.append(bars.group, scale(BARS + 30));
  const large = detail(ui, width);
  const source = h("p", { class: "iml-attention-source" });
  ui.stage(left, large.svg, source);

  const texts = recording.sentences.map(({ text }, i) => [i, `${i}: ${text}`]);
  const ownIsShown = () => Boolean(ui.get("sentence"));
  const sentences = selectControl(
    {
      ...ui,
      get: (name) => (ownIsShown() ? -1 : ui.get(name)),
      set: ({ example }) => ui.set({ example, sentence: "", token: kept(ui, recording, example) }),
    },
    { trait: "example", label: "Recorded sentence", options: texts },
  );
  const all = recording.layers * recording.heads;
  ui.controls(
    ...guess(ui, recording),
    sentences,
    fold(`All ${all} heads`, heads),
    fold(
      "Heat map or lines, heads with a pattern, your own sentence",
      ...controls(ui, recording),
      ownSentence(ui),
    ),
  );

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
        const clearest = found.readings.reduce((a, b) => (b.value > a.value ? b : a));
        ui.set({
          layer: found.layer,
          head: found.head,
          example: clearest.sentence,
          sentence: "",
          token: clearest.query ?? -1,
        });
      },
    },
    h("option", { value: "", disabled: true }, "… (choose)"),
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
    maxlength: ui.forms.sentence.most,
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

/** Does the head follow when “it” becomes the street? Answered from the recording itself. */
function guess(ui, recording) {
  const [first, second] = recording.sentences;
  const places = ["it", "animal", "street"].map((word) => second?.tokens.indexOf(word) ?? -1);
  if (Math.min(...places) < 0) return [];
  const changed = second.tokens.findIndex((token, i) => token !== first.tokens[i]);
  const weights = model.dequantize(second, recording.layers, recording.heads);
  const found = () => {
    const { layer, head } = shownHead(ui, recording);
    const row = weights[layer][head][places[0]];
    return { name: `${layer}.${head}`, animal: row[places[1]], street: row[places[2]] };
  };
  return [
    predict(ui, {
      question:
        `sentence 1 ends in ${quoted(second.tokens[changed])}, so that “it” is the street. ` +
        "Of “animal” and “street”, which gets more weight from “it” there?",
      options: ["“animal”", "“street”", "both alike"],
      answer: () => {
        const { animal, street } = found();
        return Math.abs(animal - street) < 0.01 ? 2 : Number(street > animal);
      },
      explain: () => {
        const { name, animal, street } = found();
        return (
          `In head ${name} it is ${fixed(animal)} for “animal” and ${fixed(street)} for “street”. ` +
          "Choose sentence 1 to see all of the row."
        );
      },
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
  if (query < 0) {
    const [[top, share]] = model.strongest(model.meanRow(matrix), 1);
    return (
      `Head ${layer}.${head} puts most weight on ${quoted(tokens[top])}: ${fixed(share)} of a row, averaged over the ` +
      `${tokens.length} tokens. Choose a token at the left of the large picture to see its row alone.`
    );
  }
  const row = matrix[query];
  const named = model
    .strongest(row, 3)
    .map(([j, weight]) => `${quoted(tokens[j])} (${fixed(weight)})`);
  return (
    `In head ${layer}.${head}, ${quoted(tokens[query])} attends most to ${named.slice(0, -1).join(", then ")} and ` +
    `${named.at(-1)}. Its ${row.length} weights sum to ${fixed(row.reduce((a, b) => a + b, 0))}.`
  );
}
