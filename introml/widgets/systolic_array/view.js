import { fold } from "../kit/controls.js";
import { defineWidget, legend, percent, picture, predict, s } from "../kit/index.js";
import * as model from "./model.js";

const GAP = 16; // between cells
const TOP = 12;

/** How many cycles until the last row is out? */
function question(ui) {
  return predict(ui, {
    question:
      "three rows of two numbers go through a grid of 2 × 2 cells, a row a cycle. When is the last result out?",
    options: ["After 3 cycles", "After 5 cycles", "After 12 cycles"],
    spoilt: true,
    answer: () => 1,
    explain: () =>
      "The third row enters in cycle 3, and its last sum leaves the far corner one step right and one " +
      "step down later: 3 + 2 + 2 − 2 = 5. One multiplier alone would need 12.",
  });
}

function build(ui) {
  /** @type {() => [number, number, number]} */
  const sizes = () => [ui.get("inputs"), ui.get("rows"), ui.get("columns")];
  const numbers = () => model.draw(ui.get("seed"), ...sizes());
  const svg = picture({ width: ui.width, height: 100, label: "" });
  ui.stage(svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.player({
      trait: "cycle",
      label: "Cycle",
      last: () => sizes().reduce((sum, size) => sum + size, -2),
      interval: 1100,
    }),
    ui.slider({ trait: "inputs", label: "Rows of X", format: String }),
    legend([
      ["training", "input, moving right"],
      ["prediction", "sum, moving down"],
      ["reference", "weight, which stays"],
    ]),
    fold(
      "Another grid, other numbers",
      ui.stepper({ trait: "rows", label: "Rows of cells" }),
      ui.stepper({ trait: "columns", label: "Columns of cells" }),
      ui.stepper({ trait: "seed", label: "Numbers" }),
    ),
  );

  return () => {
    const [T, K, N] = sizes();
    const { X, W } = numbers();
    const cycles = model.run(X, W);
    const done = Math.min(ui.get("cycle"), cycles.length);
    const queue = ui.narrow ? 22 : 30; // width of a waiting input
    const waiting = Math.min(5, T + K - 1);
    const left = waiting * queue + 14;
    const cell = Math.min(78, (ui.width - left - (N - 1) * GAP - 8) / N);
    const out = TOP + K * (cell + GAP);
    const step = Math.min(24, 120 / T);
    const height = out + 22 + T * step + 4;
    svg.setAttribute("viewBox", `0 0 ${ui.width} ${height}`);
    svg.style.setProperty("height", `${height}px`);
    const now = done > 0 ? cycles[done - 1] : null;
    const text = (x, y, said, color, size = 14, anchor = "middle") =>
      s(
        "text",
        {
          x: x.toFixed(1),
          y: y.toFixed(1),
          "text-anchor": anchor,
          class: "iml-systolic-number",
          style: { fill: `var(--iml-${color})`, "font-size": `${size}px` },
        },
        String(said),
      );
    /** @type {SVGElement[]} */
    const nodes = [];
    for (let i = 0; i < K; i += 1) {
      const y = TOP + i * (cell + GAP);
      // What waits at the left: the next one nearest to the grid, a gap where nothing comes yet.
      for (let ahead = 0; ahead < waiting; ahead += 1) {
        const t = done + ahead - i;
        const x = left - 14 - (ahead + 0.5) * queue;
        if (t >= 0 && t < T) nodes.push(text(x, y + cell / 2 + 5, X[t][i], "training"));
        else if (done + ahead < T + K - 1) nodes.push(text(x, y + cell / 2 + 5, "·", "muted"));
      }
      for (let j = 0; j < N; j += 1) {
        const x = left + j * (cell + GAP);
        const [input, sum] = [now?.inputs[i][j] ?? null, now?.sums[i][j] ?? null];
        nodes.push(
          s("rect", {
            x: x.toFixed(1),
            y: y.toFixed(1),
            width: cell.toFixed(1),
            height: cell.toFixed(1),
            rx: 5,
            class: `iml-systolic-cell${sum === null ? "" : " iml-busy"}`,
          }),
        );
        const small = cell < 56;
        nodes.push(
          text(
            x + cell / 2,
            y + cell / 2 - (small ? 2 : 6),
            input === null ? W[i][j] : `${input} · ${W[i][j]}`,
            "reference",
            small ? 12 : 15,
          ),
        );
        if (sum !== null) {
          nodes.push(
            text(
              x + cell / 2,
              y + cell - (small ? 7 : 14),
              `Σ ${sum}`,
              "prediction",
              small ? 11 : 14,
            ),
          );
        }
      }
    }
    const results = new Map(
      cycles
        .slice(0, done)
        .flatMap((cycle, c) => cycle.left.map(([t, j, value]) => [`${t} ${j}`, { value, c }])),
    );
    nodes.push(text(left - 14, out + 22 + step / 2, "X W", "ink", 13, "end"));
    for (let t = 0; t < T; t += 1) {
      for (let j = 0; j < N; j += 1) {
        const found = results.get(`${t} ${j}`);
        const x = left + j * (cell + GAP) + cell / 2;
        nodes.push(
          text(
            x,
            out + 22 + (t + 0.5) * step,
            found ? found.value : "–",
            found ? "prediction" : "muted",
            Math.min(14, step),
          ),
        );
      }
    }
    svg.setAttribute(
      "aria-label",
      `A grid of ${K} rows and ${N} columns of cells after ${done} of ${cycles.length} cycles`,
    );
    svg.replaceChildren(...nodes);
    const work = now
      ? `In cycle ${done}, ${model.busy(now)} of ${K * N} cells multiply`
      : "Nothing has entered yet";
    ui.readout(
      `${work}; ${results.size} of ${T * N} results are out. ${T} ${T === 1 ? "row takes" : "rows take"} ` +
        `${cycles.length} cycles, ${T} + ${K} + ${N} − 2, so over the whole run ` +
        `${percent(model.utilization(T, K, N))} of the cells are at work.`,
    );
  };
}

export default defineWidget({
  name: "SystolicArray",
  title: "A matrix product in a systolic array",
  linked: ["rows", "columns", "inputs", "cycle", "seed"],
  build,
});
