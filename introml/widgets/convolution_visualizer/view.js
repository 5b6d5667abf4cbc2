import { cellEditor, fitText, numberGrid } from "../cells/grid.js";
import { defineWidget, h, picture, s, setAttributes } from "../kit/index.js";
import { layOut } from "./layout.js";
import * as model from "./model.js";
import { addControls } from "./panel.js";
import { borderNodes, selectionNodes, stampNodes, titleNodes } from "./scene.js";

const STYLE = "iml-convolution-visualizer";
const SETTING = [
  "mode",
  "input",
  "kernel",
  "window",
  "stride",
  "padding",
  "padding_mode",
  "output_padding",
  "dilation",
  "flip",
  "ceil_mode",
  "count_include_pad",
];

const REFUSED = "The cell keeps its value:";

const by = (rows, columns) => `${rows} × ${columns}`;

function build(ui) {
  /** @type {() => any} */
  const readSetting = () => Object.fromEntries(SETTING.map((name) => [name, ui.get(name)]));
  /**
   * @type {{ key: string | null, setting: import("./arithmetic.js").Setting, legal: boolean,
   *   size: number[], at: any, said: string }}
   */
  const state = {
    key: null,
    setting: readSetting(),
    legal: true,
    size: [1, 1],
    at: null,
    said: "",
  };
  /** @type {() => any} */
  const selected = () => state.size.map((n, axis) => Math.min(n - 1, ui.get("cell")[axis]));
  const select = (i, j) => {
    const [row, column] = ui.get("cell");
    if (state.legal && (row !== i || column !== j)) ui.set({ cell: [i, j] });
  };

  const svg = picture({
    width: ui.width,
    height: 346,
    role: null,
    label: "The input, the kernel and the output, as grids of numbers",
  });
  const editor = cellEditor();
  const back = s("g", { "aria-hidden": "true" });
  const rays = s("g", { "aria-hidden": "true" });
  const border = s("g", { "aria-hidden": "true" });
  const front = s("g", { "aria-hidden": "true", class: "iml-cells-front" });
  /** The name of a cell, with its value as it is written in the picture too. */
  function named(name, i, j, value, written) {
    const exact = value === null ? "nothing" : model.shortNumber(value, 4);
    const both = written && written !== exact ? `${written} (${exact})` : exact;
    return `${name} row ${i}, column ${j}: ${both}`;
  }

  const inputGrid = numberGrid({
    describe: (...cell) => named("input", ...cell),
    onpoint: (i, j) => point("Input", inputGrid, i, j, ui.get("input")),
    onedit: (i, j, typed) => edit("input", inputGrid, i, j, typed),
  });
  const kernelGrid = numberGrid({
    describe: (...cell) => named("kernel", ...cell),
    onpoint: (i, j) => point("Kernel", kernelGrid, i, j, model.laidKernel(state.setting)),
    onedit: (i, j, typed) => edit("kernel", kernelGrid, i, j, typed),
  });
  const outputGrid = numberGrid({
    describe: (...cell) => named("output", ...cell),
    onpoint: select,
  });
  svg.append(back, rays, border, inputGrid.node, kernelGrid.node, outputGrid.node, front);

  /** Says the value of a cell that is too small to show it. */
  function point(name, grid, i, j, values) {
    if (name === "Input" && state.legal && model.isTransposed(state.setting)) {
      drawSelection();
      front.append(...stampNodes(state.at, state.setting, [i, j]));
    }
    if (grid.readable || state.said.startsWith(REFUSED)) return;
    state.said = `${name} (${i}, ${j}) is ${model.shortNumber(values[i][j], 4)}. `;
    writeReadout();
  }

  /** The kernel is drawn as it lies on the input; what is typed goes to its own place. */
  const ownPlace = (trait, i, j) => {
    if (trait !== "kernel" || !ui.get("flip") || ui.get("mode") === "transposed") return [i, j];
    return [ui.get("kernel").length - 1 - i, ui.get("kernel")[0].length - 1 - j];
  };

  function edit(trait, grid, i, j, typed) {
    const matrix = ui.get(trait);
    const [row, column] = ownPlace(trait, i, j);
    const value = String(Number(matrix[row][column].toPrecision(6)));
    const { low, high } = ui.forms[trait];
    state.said = "";
    editor.open(grid.box(i, j), { value, typed }, `${trait} row ${i}, column ${j}`, {
      commit(text) {
        if (text === value || text.trim() === "") return;
        const number = model.parseNumber(text);
        if (!(number >= low && number <= high)) {
          const range = `${model.shortNumber(low)} to ${model.shortNumber(high)}`;
          state.said = `${REFUSED} “${text}” is not a number from ${range}. `;
          writeReadout();
          return;
        }
        const row2 = ui.get(trait)[row].with(column, number);
        ui.set({ [trait]: ui.get(trait).with(row, row2) });
      },
      back: () => grid.focus(i, j),
      move: (rows) => grid.focus(i + rows, j),
    });
  }

  const wrapper = h("div", { class: "iml-cells-picture" }, svg, editor.node);
  wrapper.style.width = `${ui.width}px`;
  const sizes = h("div", { class: `iml-cells-lines ${STYLE}-sizes` });
  ui.stage(wrapper);
  addControls(ui, { size: () => state.size, selected, sizes });

  function drawGrids() {
    const { setting } = state;
    const padded = model.frame(setting);
    const values = state.legal ? model.output(setting) : null;
    const weighs = setting.mode === "convolution" || setting.mode === "transposed";
    const kernel = weighs
      ? model.laidKernel(setting)
      : Array.from({ length: setting.window[0] }, () => Array(setting.window[1]).fill(null));
    /** @type {any} */
    const shapes = {
      input: [padded.length, padded[0].length],
      kernel: [kernel.length, kernel[0].length],
      output: values ? state.size : [2, 2],
    };
    const at = layOut(ui.width, shapes);
    state.at = at;
    setAttributes(svg, { viewBox: `0 0 ${ui.width} ${at.height}` });
    svg.style.setProperty("height", `${at.height}px`);

    const { input } = setting;
    const [down, across] = model.isTransposed(setting) ? [0, 0] : setting.padding;
    const inner = {
      x: at.input.x + across * at.input.cell,
      y: at.input.y + down * at.input.cell,
      cell: at.input.cell,
    };
    const inputName = `Input, ${input.length} rows, ${input[0].length} columns`;
    const shown = padded.map((row) => row.map(({ value }) => value));
    const text = fitText(shown, at.input.cell);
    inputGrid.draw(inner, input, inputName, text);
    border.replaceChildren(...borderNodes(at.input, setting, state.legal, padded, text));
    kernelGrid.node.style.setProperty("display", weighs ? "" : "none");
    kernelGrid.draw(at.kernel, kernel, `Kernel, ${by(...shapes.kernel)}`);
    outputGrid.node.style.setProperty("display", values ? "" : "none");
    const rounded = values
      ? outputGrid.draw(at.output, values, `Output, ${by(...state.size)}`).rounded
      : false;
    back.replaceChildren(...titleNodes(at, setting, state.legal, rounded));
  }

  function drawSelection() {
    if (!state.legal) {
      front.replaceChildren();
      rays.replaceChildren();
      return;
    }
    const cell = selected();
    const { x, y, cell: side } = outputGrid.box(...cell);
    const resultBox = { x, y, width: side, height: side };
    const drawn = selectionNodes(state.at, state.setting, cell, resultBox);
    front.replaceChildren(...drawn.marks);
    rays.replaceChildren(...drawn.rays);
  }

  function writeSizes() {
    const all = model.axes(state.setting);
    const { mode } = state.setting;
    const lines = all.map((axis, i) => {
      const end = state.legal ? model.endText(axis, i, model.unread(axis)) : "";
      return h(
        "p",
        {},
        h("span", {}, i ? "Columns" : "Rows"),
        `${model.sizeText(axis, mode)}${state.legal ? "." : ""} ${end}`,
      );
    });
    const formula = h("p", {}, h("span", {}, "Size"), model.sizeFormula(all[0], mode));
    sizes.replaceChildren(formula, ...lines);
  }

  function writeReadout() {
    const { setting, said } = state;
    if (!state.legal) {
      ui.readout(`${said}No output. ${model.problems(setting).join(" ")}`);
      return;
    }
    const cell = selected();
    const padded = model.frame(setting);
    const under = model.windowCells(setting, cell);
    const outside = under.filter(({ row, column }) => padded[row][column].kind !== "input").length;
    const many = outside === under.length ? "All" : `${outside} of`;
    const verb = outside === 1 ? "lies" : "lie";
    const lies = outside ? ` ${many} its ${under.length} cells ${verb} outside the input.` : "";
    ui.readout(`${said}Output (${cell.join(", ")}) = ${model.sumText(setting, cell)}.${lies}`);
  }

  return () => {
    const setting = readSetting();
    const key = JSON.stringify(setting);
    state.said = "";
    if (key !== state.key) {
      state.setting = setting;
      state.legal = model.isLegal(setting);
      state.size = state.legal ? model.outputSize(setting) : [1, 1];
      drawGrids();
      writeSizes();
      state.key = key;
    }
    if (state.legal) outputGrid.choose(...selected());
    drawSelection();
    writeReadout();
  };
}

export default defineWidget({
  name: "ConvolutionVisualizer",
  title: "Convolution and pooling, one output cell at a time",
  linked: [...SETTING, "cell"],
  readoutFirst: true,
  build,
});
