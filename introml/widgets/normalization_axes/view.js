import { fixed } from "../kit/format.js";
import { defineWidget, h, picture, predict, s, setAttributes } from "../kit/index.js";
import { roving } from "../kit/roving.js";
import { layOut } from "./layout.js";
import { numberLines } from "./line.js";
import * as model from "./model.js";
import { describe, place, plain } from "./wording.js";

const STYLE = "iml-normalization";

/** @type {import("./model.js").Shape} */
const SHAPE = [3, 4, 4];

/** The reader guesses how far a change reaches. */
function question(ui) {
  return predict(ui, {
    question:
      "The 12 blue numbers share one mean. If the 1 in the corner of example 1 grew to 9, which " +
      "results would change?",
    options: ["Its own alone", "All 12 of the blue ones", "All 16 of example 1"],
    answer: () => 1,
    explain: () =>
      "The mean and the variance of the blue numbers change, so all their results do, those of the " +
      "two other examples too. Show the results, set the picked number to 9, and watch.",
  });
}

/** The picked number, to be typed. */
function valueField(ui, picked) {
  const id = ui.id("value");
  const { low, high } = ui.forms.values ?? { low: -99, high: 99 };
  const input = h("input", {
    type: "number",
    id,
    min: low,
    max: high,
    step: 1,
    inputmode: "decimal",
    onchange: () => {
      const given = input.value === "" ? Number.NaN : Number(input.value);
      if (given >= low && given <= high) {
        ui.set({ values: ui.get("values").with(model.flat(SHAPE, picked()), given) });
      }
      input.value = String(ui.get("values")[model.flat(SHAPE, picked())]);
    },
  });
  ui.onRedraw(() => {
    const value = String(ui.get("values")[model.flat(SHAPE, picked())]);
    if (document.activeElement !== input) input.value = value;
    input.setAttribute("value", value);
  });
  return h("div", { class: "iml-control" }, h("label", { for: id }, "The picked number"), input);
}

function build(ui) {
  const at = layOut(ui.width, SHAPE);
  const svg = picture({
    width: ui.width,
    height: at.height,
    role: null,
    label: "A block of numbers: 3 examples, each with 4 channels at 4 positions",
  });
  const lines = numberLines(ui.width);
  const picked = () => ui.get("cell").map((index, axis) => Math.min(index, SHAPE[axis] - 1));
  /** @returns {import("./model.js").Setting} */
  const setting = () => ({
    method: ui.get("method"),
    groups: ui.get("groups"),
    positions: ui.get("each_position") ? "alone" : "together",
  });

  // Each stands there only where it says something; their place is kept.
  const ofGroups = ui.choice({
    trait: "groups",
    label: "Groups of channels",
    options: [1, 2, 4],
  });
  const ofPositions = ui.toggle({ trait: "each_position", label: "Each position alone" });
  ui.onRedraw(() => {
    ofGroups.hidden = ui.get("method") !== "group";
    ofPositions.hidden = !["layer", "rms"].includes(ui.get("method"));
  });

  ui.stage(svg, lines.node);
  if (ui.get("question")) ui.controls(question(ui));
  ui.controls(
    ui.choice({
      trait: "method",
      label: "Norm",
      options: [
        ["batch", "Batch"],
        ["layer", "Layer"],
        ["instance", "Instance"],
        ["group", "Group"],
        ["rms", "RMS"],
      ],
    }),
    ui.choice({
      trait: "show",
      label: "Cells show",
      options: [
        ["before", "numbers"],
        ["after", "results"],
      ],
    }),
    valueField(ui, picked),
    h("div", { class: `${STYLE}-more` }, ofGroups, ofPositions),
  );

  const [examples, channels, positions] = SHAPE;

  /** The cells in the order in which the eye, and the arrow keys, go along the rows. */
  function order() {
    const rows = [];
    if (at.stacked) {
      for (let n = 0; n < examples; n += 1) {
        for (let c = 0; c < channels; c += 1) {
          rows.push(Array.from({ length: positions }, (_, p) => [n, c, p]));
        }
      }
    } else {
      for (let c = 0; c < channels; c += 1) {
        rows.push(
          Array.from({ length: examples * positions }, (_, i) => [
            Math.floor(i / positions),
            c,
            i % positions,
          ]),
        );
      }
    }
    return rows;
  }

  /** One cube: its front, its top where it lies on top, its side where it lies at the end. */
  function cube([n, c, p]) {
    const { cell, depth } = at;
    const corner = at.corners[n];
    const [x, y] = [corner.x + p * cell, corner.y + c * cell];
    const face = (points) => s("polygon", { class: `${STYLE}-face`, points });
    const text = s("text", { x: x + cell / 2, y: y + cell / 2 + 5, "text-anchor": "middle" });
    const node = s(
      "g",
      { class: `${STYLE}-cube`, role: "gridcell" },
      c === 0
        ? face(
            `${x},${y} ${x + depth},${y - depth} ${x + cell + depth},${y - depth} ${x + cell},${y}`,
          )
        : null,
      p === positions - 1
        ? face(
            `${x + cell},${y} ${x + cell + depth},${y - depth} ` +
              `${x + cell + depth},${y + cell - depth} ${x + cell},${y + cell}`,
          )
        : null,
      s("rect", { x, y, width: cell, height: cell }),
      s("rect", {
        class: `${STYLE}-ring`,
        x: x + 2,
        y: y + 2,
        width: cell - 4,
        height: cell - 4,
        rx: 2,
      }),
      text,
    );
    return { cell: [n, c, p], node, text };
  }

  const rows = order().map((row) => row.map(cube));
  const cubes = rows.flat();
  const grid = s(
    "g",
    { role: "grid", "aria-readonly": "true", "aria-label": "The numbers of the block" },
    rows.map((row) =>
      s(
        "g",
        { role: "row" },
        row.map(({ node }) => node),
      ),
    ),
  );
  const note = (x, y, text, anchor = "start", turn = "") =>
    s(
      "text",
      { class: `${STYLE}-note`, x, y, "text-anchor": anchor, transform: turn || null },
      text,
    );
  const first = at.corners[0];
  const last = at.corners[examples - 1];
  svg.append(
    s(
      "g",
      { "aria-hidden": "true" },
      at.stacked
        ? null
        : at.corners.slice(1).flatMap((corner, i) =>
            [0, at.high].map((down) =>
              s("line", {
                class: `${STYLE}-thread`,
                x1: at.corners[i].x + at.wide + (down ? 0 : at.depth),
                y1: at.corners[i].y + down - (down ? 0 : at.depth),
                x2: corner.x,
                y2: corner.y + down,
              }),
            ),
          ),
      at.corners.map(({ x, y }, n) =>
        s(
          "text",
          { class: `${STYLE}-title`, x: x + at.depth, y: y - at.depth - 7 },
          `example ${n + 1}`,
        ),
      ),
      note(
        first.x - 8,
        first.y + at.high / 2,
        "channels →",
        "middle",
        `rotate(90 ${first.x - 14} ${first.y + at.high / 2})`,
      ),
      note(
        (at.stacked ? last : first).x,
        (at.stacked ? last : first).y + at.high + 16,
        "positions →",
      ),
    ),
    grid,
  );

  const choose = (i) => ui.set({ cell: cubes[i].cell });
  const chosen = () => {
    const here = picked();
    return cubes.findIndex(({ cell }) => cell.every((index, axis) => index === here[axis]));
  };
  const redrawFocus = roving(
    cubes.map(({ node }) => node),
    { columns: rows[0].length, current: chosen, choose },
  );

  return () => {
    const values = ui.get("values");
    const groups = model.groupsOf(setting(), SHAPE, values);
    const results = model.normalized(setting(), SHAPE, values);
    const here = picked();
    const group = groups[model.groupOf(setting(), SHAPE, here)];
    const lit = new Set(group.members);
    const spot = model.flat(SHAPE, here);
    const after = ui.get("show") === "after";
    for (const { cell, node, text } of cubes) {
      const which = model.flat(SHAPE, cell);
      node.classList.toggle(`${STYLE}-lit`, lit.has(which));
      node.classList.toggle(`${STYLE}-here`, which === spot);
      const long = String(values[which]).length > 3;
      const before = long ? fixed(values[which], 1) : plain(values[which]);
      const becomes = fixed(results[which], 1);
      text.textContent = after ? becomes : before;
      const shared = lit.has(which) ? ", shares the statistics" : "";
      setAttributes(node, {
        "aria-label": `${place(cell)}: ${before}, becomes ${becomes}${shared}`,
      });
    }
    redrawFocus();
    const own = group.members.map((member) => values[member]);
    lines.draw(
      own,
      group.members.map((member) => results[member]),
      group.members.indexOf(spot),
      group.mean,
      Math.sqrt(group.variance),
    );
    ui.readout(describe(setting(), groups.length, group, own, here, values[spot], results[spot]));
  };
}

export default defineWidget({
  name: "NormalizationAxes",
  title: "A block of numbers, and which of them are normalized together",
  linked: ["method", "groups", "each_position", "cell", "values", "show"],
  readoutFirst: true,
  build,
});
