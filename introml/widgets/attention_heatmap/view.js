import { defineWidget, either, h, numbers, oneOf, real, record, whole } from "../kit/index.js";
import { buildLive } from "./live.js";
import { buildRecorded } from "./recorded.js";

const MODES = { live: buildLive, recorded: buildRecorded };

function build(ui) {
  // Invisible to layout, so that one mode's nodes can be taken out and the other's put in.
  const [stage, panel] = [1, 2].map(() => h("div", { style: { display: "contents" } }));
  ui.stage(stage);
  ui.controls(panel);
  const own = {
    ...ui,
    stage: (...nodes) => stage.append(...nodes),
    controls: (...nodes) => panel.append(...nodes),
  };
  let mode = null;
  let update = null;
  return () => {
    if (ui.get("mode") !== mode) {
      mode = ui.get("mode");
      stage.replaceChildren();
      panel.replaceChildren();
      update = MODES[mode](own);
    }
    update();
  };
}

export default defineWidget({
  name: "AttentionHeatmap",
  title: "Attention weights",
  linked: [
    ...["q", "k", "v", "scaled", "temperature", "mask", "length", "row"],
    ...["example", "layer", "head", "token", "display"],
  ],
  forms: {
    mode: oneOf("live", "recorded"),
    q: numbers({ dims: 2, low: -100, high: 100, most: 6 }),
    k: numbers({ dims: 2, low: -100, high: 100, most: 6 }),
    v: numbers({ dims: 2, low: -100, high: 100, most: 6 }),
    scaled: either(),
    temperature: real(0.1, 10),
    mask: oneOf("none", "causal", "padding"),
    length: whole(0, 6),
    row: whole(0, 5),
    example: whole(0, 99),
    layer: whole(0, 99),
    head: whole(0, 99),
    token: whole(-1, 23),
    recording: record(["provenance", "layers", "heads", "sentences", "notable"], { none: true }),
    display: oneOf("map", "lines"),
  },
  build,
});
