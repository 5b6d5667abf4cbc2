import { defineWidget, picture, predict, s, setAttributes } from "../kit/index.js";
import { roving } from "../kit/roving.js";
import { corner, layOut } from "./layout.js";
import * as model from "./model.js";
import { sizeTable } from "./sizes.js";
import { describe, named } from "./wording.js";

const STYLE = "iml-broadcasting";
const TENSORS = ["a", "b", "result"];
const TITLES = ["A", "B", "A + B"];
const NAMES = ["A", "B", "(A + B)"];

const same = (one, other) => one.every((value, i) => value === other[i]);

/** The size of the digits in cells of this side; 0 hides them. */
function textSize(cell, largest) {
  const size = Math.min(15, 0.46 * cell, (cell - 3) / (0.58 * String(largest).length));
  return size < 7.5 ? 0 : size;
}

function build(ui) {
  const svg = picture({
    width: ui.width,
    height: 150,
    role: null,
    label: "A and B, each stretched onto the shape of their sum, and the sum",
  });
  const sizes = sizeTable(ui);
  ui.stage(sizes.node, svg);
  if (ui.get("question")) {
    ui.controls(
      predict(ui, {
        question:
          "A has 2 rows of 3 numbers, and B's 3 numbers are added to each row. Would a B of 2 " +
          "numbers fit too, one for each row?",
        options: ["Yes", "No"],
        answer: () => 1,
        explain: () =>
          "Shapes are compared from the right, so B's 2 would meet A's 3 columns. Set B to 2 and " +
          "read the reason; then write it as a column, 2, 1.",
      }),
    );
  }

  /** What is drawn: three lists of cells, made anew when a shape changes. */
  /** @type {{ key: string, grids: any[], fits: boolean, result: number[] }} */
  const drawn = { key: "", grids: [], fits: true, result: [1] };

  /** The marked place, within the result as it is now. */
  const place = () => {
    const cell = ui.get("cell").slice(-drawn.result.length);
    return cell.map((at, axis) => Math.min(at, drawn.result[axis] - 1));
  };

  const mark = (tensor, index) => {
    const cell = [...Array(model.MOST_AXES - index.length).fill(0), ...index];
    ui.set({ cell, tensor });
  };

  function cellNode(at, which, shape, own, index, value, size) {
    const { x, y } = corner(at, which, shape, index);
    const first = own === null || model.isOwn(own, index);
    const look = own === null ? "sum" : first ? "own" : "copy";
    const element = own === null ? index : model.source(own, index);
    const { cell } = at;
    return s(
      "g",
      {
        class: `${STYLE}-cell ${STYLE}-${look}`,
        role: "gridcell",
        "aria-label": named(NAMES[which], element, value, first ? null : index),
        transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
      },
      s("rect", { x: 1.5, y: 1.5, width: cell - 3, height: cell - 3, rx: 2 }),
      size
        ? s(
            "text",
            {
              x: cell / 2,
              y: cell / 2 + 0.36 * size,
              "text-anchor": "middle",
              style: { "font-size": `${size.toFixed(1)}px` },
            },
            value,
          )
        : null,
    );
  }

  /** One tensor, drawn on `shape`: its own, or the result's where the two fit. */
  function makeGrid(at, which, shape, own, values, size) {
    const indices = model.places(shape);
    const nodes = indices.map((index, i) =>
      cellNode(at, which, shape, own, index, values[i], size),
    );
    const columns = shape.at(-1);
    const rows = [];
    for (let i = 0; i < nodes.length; i += columns) {
      rows.push(s("g", { role: "row" }, nodes.slice(i, i + columns)));
    }
    const tensor = TENSORS[which];
    const shown = own ?? shape;
    const grid = s(
      "g",
      {
        role: "grid",
        "aria-readonly": "true",
        "aria-label": `${TITLES[which]} ${model.written(shown)}`,
      },
      rows,
    );
    if (!drawn.fits) return { grid, nodes, indices, own, redraw: () => {} };
    const redraw = roving(nodes, {
      columns,
      current: () => (ui.get("tensor") === tensor ? model.flat(shape, place()) : -1),
      choose: (i) => mark(tensor, indices[i]),
    });
    for (const [i, node] of nodes.entries()) {
      node.addEventListener("pointerenter", (event) => {
        if (event.pointerType === "mouse") mark(tensor, indices[i]);
      });
      node.addEventListener("focus", () => mark(tensor, indices[i]));
    }
    return { grid, nodes, indices, own, redraw };
  }

  function title(at, which, text) {
    return s(
      "text",
      { x: at.starts[which] + 2, y: 14, class: `${STYLE}-title`, "aria-hidden": "true" },
      text,
    );
  }

  function sign(at, which, text) {
    const x = at.starts[which] - at.sign / 2 - 1;
    const y = 24 + at.cell / 2 + 7;
    return s(
      "text",
      { x, y, "text-anchor": "middle", class: `${STYLE}-sign`, "aria-hidden": "true" },
      text,
    );
  }

  function draw() {
    const [a, b] = [ui.get("a"), ui.get("b")];
    drawn.fits = model.misfit(a, b) === null;
    drawn.result = drawn.fits ? model.broadcastShape(a, b) : [1];
    const shapes = drawn.fits ? [drawn.result, drawn.result, drawn.result] : [a, b, [1, 3]];
    const at = layOut(ui.width, shapes);
    setAttributes(svg, { viewBox: `0 0 ${ui.width} ${at.height}` });
    svg.style.setProperty("height", `${at.height}px`);
    const landed = [a, b].map((own, i) =>
      model.landing(own, shapes[i]).map((from) => (i ? model.STEPS.b : model.STEPS.a) * (from + 1)),
    );
    const sums = drawn.fits ? model.sums(a, b) : [];
    const size = textSize(at.cell, Math.max(...landed.flat(), ...sums));
    drawn.grids = [a, b].map((own, i) => makeGrid(at, i, shapes[i], own, landed[i], size));
    if (drawn.fits) drawn.grids.push(makeGrid(at, 2, drawn.result, null, sums, size));
    const narrow = ui.narrow;
    const heading = (name, shape) => `${name}${narrow ? " " : ", shape "}${model.written(shape)}`;
    const titles = [heading("A", a), heading("B", b)];
    titles.push(drawn.fits ? heading("A + B", drawn.result) : "do not fit");
    svg.replaceChildren(
      ...titles.map((text, i) => title(at, i, text)),
      sign(at, 1, "+"),
      sign(at, 2, drawn.fits ? "=" : "≠"),
      ...drawn.grids.map(({ grid }) => grid),
    );
  }

  /** Outlines the marked place in each tensor, and all places of the elements that meet there. */
  function outline() {
    const here = place();
    const marked = ui.get("tensor");
    const owner = { a: ui.get("a"), b: ui.get("b"), result: null }[marked];
    for (const { nodes, indices, own, redraw } of drawn.grids) {
      // The sum shows every use of the marked element; a tensor, every use of the one that is added.
      const of = own ?? owner;
      for (const [i, node] of nodes.entries()) {
        const isHere = same(indices[i], here);
        const uses = of && same(model.source(of, indices[i]), model.source(of, here));
        node.classList.toggle(`${STYLE}-here`, drawn.fits && isHere);
        node.classList.toggle(`${STYLE}-used`, drawn.fits && Boolean(uses) && !isHere);
      }
      redraw();
    }
  }

  return () => {
    const key = JSON.stringify([ui.get("a"), ui.get("b")]);
    if (key !== drawn.key) {
      drawn.key = key;
      draw();
    }
    sizes.redraw();
    outline();
    ui.readout(describe(ui.get("a"), ui.get("b"), ui.get("tensor"), place()));
  };
}

export default defineWidget({
  name: "Broadcasting",
  title: "Two shapes, and the shape of their sum",
  linked: ["a", "b", "cell", "tensor"],
  readoutFirst: true,
  build,
});
