import { defineWidget, h } from "../kit/index.js";
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
  /** @type {(() => void) | undefined} */
  let update;
  return () => {
    if (ui.get("mode") !== mode) {
      mode = ui.get("mode");
      stage.replaceChildren();
      panel.replaceChildren();
      update = MODES[mode](own);
    }
    update?.();
  };
}

export default defineWidget({
  name: "AttentionHeatmap",
  title: "Attention weights",
  linked: [
    ...["q", "k", "v", "scaled", "temperature", "mask", "length", "row"],
    ...["example", "layer", "head", "token", "display"],
  ],
  build,
});
