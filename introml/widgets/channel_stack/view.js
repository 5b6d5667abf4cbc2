import { cellEditor, numberGrid } from "../cells/grid.js";
import { fold } from "../kit/controls.js";
import { defineWidget, h, legend, picture, predict, s, setAttributes } from "../kit/index.js";
import { layOut } from "./layout.js";
import * as model from "./model.js";

const STYLE = "iml-channel-stack";
const SETTING = ["input", "weights", "channels", "outputs", "size", "groups"];
const REFUSED = "The cell keeps its value:";

const middle = ({ x, y, cell, side }) => [x + (side * cell) / 2, y + (side * cell) / 2];
const text = (x, y, name, words) =>
  s("text", { x, y, "text-anchor": "middle", class: `${STYLE}-${name}` }, words);

function question(ui) {
  return predict(ui, {
    question:
      "the input gets a third channel, and with it a third grid of weights. How many grids of " +
      "numbers come out?",
    options: ["one", "two", "three"],
    answer: () => 0,
    explain: () =>
      "What the third channel brings is added to what the others bring, place by place. " +
      "Set the input channels to 3 to see it.",
  });
}

function build(ui) {
  /** @type {() => any} */
  const setting = () => Object.fromEntries(SETTING.map((name) => [name, ui.get(name)]));
  const problem = () => model.problem(setting());
  /** The selected output cell, within the output as it is now. */
  const selected = () => {
    const last = model.outputSide(setting()) - 1;
    const [o, i, j] = ui.get("cell");
    return [Math.min(o, ui.get("outputs") - 1), Math.min(i, last), Math.min(j, last)];
  };
  const select = (...cell) => {
    if (!problem() && cell.some((at, axis) => at !== ui.get("cell")[axis])) ui.set({ cell });
  };
  let said = "";

  const svg = picture({
    width: ui.width,
    height: 400,
    role: null,
    label: "Input channels, their kernels, the sum of each channel, and the output channels",
  });
  const editor = cellEditor();
  const back = s("g", { "aria-hidden": "true" });
  const front = s("g", { "aria-hidden": "true", class: "iml-cells-front" });
  const channels = Array.from({ length: ui.forms.channels.high }, (_, c) => c);

  /** The name of a cell, with its value as it is written in the picture too. */
  const describe = (name) => (i, j, value, written) => {
    const exact = model.shortNumber(value, 4);
    const both = written && written !== exact ? `${written} (${exact})` : exact;
    return `${name}, row ${i}, column ${j}: ${both}`;
  };
  /** A grid of which each cell is a number of the flat list `trait`, at `place(i, j)`. */
  function editable(name, trait, place) {
    const grid = numberGrid({
      describe: (...cell) => describe(name())(...cell),
      onedit: (i, j, typed) => edit(grid, name(), trait, place, [i, j], typed),
    });
    return grid;
  }
  const inputs = channels.map((c) =>
    editable(
      () => `Input channel ${c}`,
      "input",
      (i, j) => (c * model.SIDE + i) * model.SIDE + j,
    ),
  );
  const kernels = channels.map((c) =>
    editable(
      () => `Kernel of output ${selected()[0]} on channel ${c}`,
      "weights",
      (a, b) => model.weightAt(setting(), selected()[0], c, a, b),
    ),
  );
  const shares = channels.map((c) =>
    numberGrid({
      describe: (...cell) => describe(`Sum of channel ${c} alone`)(...cell),
      onpoint: (i, j) => select(selected()[0], i, j),
    }),
  );
  const results = channels.map((o) =>
    numberGrid({
      describe: (...cell) => describe(`Output channel ${o}`)(...cell),
      onpoint: (i, j) => select(o, i, j),
    }),
  );
  const rows = channels.flatMap((c) => [inputs[c].node, kernels[c].node, shares[c].node]);
  svg.append(back, ...rows, ...results.map(({ node }) => node), front);

  function edit(grid, name, trait, place, [i, j], typed) {
    const at = place(i, j);
    const value = String(Number(ui.get(trait)[at].toPrecision(6)));
    const { low, high } = ui.forms[trait];
    editor.open(grid.box(i, j), { value, typed }, `${name}, row ${i}, column ${j}`, {
      commit(written) {
        if (written === value || written.trim() === "") return;
        const number = model.parseNumber(written);
        if (number >= low && number <= high) {
          ui.set({ [trait]: ui.get(trait).with(at, number) });
          return;
        }
        const bounds = `${model.shortNumber(low)} to ${model.shortNumber(high)}`;
        said = `${REFUSED} “${written}” is not a number from ${bounds}. `;
        ui.redraw();
      },
      back: () => grid.focus(i, j),
      move: (down) => grid.focus(i + down, j),
    });
  }

  const wrapper = h("div", { class: "iml-cells-picture" }, svg, editor.node);
  wrapper.style.width = `${ui.width}px`;
  const costs = h("div", { class: "iml-cells-lines" });
  ui.stage(wrapper);
  if (ui.get("question") === "grids") ui.controls(question(ui));
  ui.controls(
    costs,
    ui.stepper({ trait: "channels", label: "Input channels" }),
    ui.stepper({ trait: "outputs", label: "Output channels" }),
    ui.choice({
      trait: "size",
      label: "Kernel",
      options: [
        [1, "1 × 1"],
        [2, "2 × 2"],
        [3, "3 × 3"],
      ],
    }),
    fold(
      "Groups of channels",
      ui.stepper({ trait: "groups", label: "Groups" }),
      ui.button({
        label: "Depthwise: each channel by itself",
        onpress: () => ui.set({ outputs: ui.get("channels"), groups: ui.get("channels") }),
        pressed: () => ["outputs", "groups"].every((name) => ui.get(name) === ui.get("channels")),
      }),
      h("p", {}, "In groups, an output channel reads the input channels of its own group alone."),
    ),
    legend([
      ["accent", "enters the selected output cell"],
      ["blue", "positive", "dot"],
      ["orange", "negative", "dot"],
    ]),
  );

  function titles(at, now, legal) {
    const { input, kernel, output } = model.costs(now);
    const by = (sizes) => sizes.join(" × ");
    const o = selected()[0];
    const many = now.outputs > 1;
    const [row] = at.rows;
    const head = (place, name, words, top = 0) => {
      const [x] = middle(place);
      return [text(x, top + 16, "title", name), text(x, top + 32, "subtitle", words)];
    };
    const nodes = [...head(row.input, "Input", by(input))];
    const result = at.results;
    const whole = {
      ...result[0],
      side: (result.at(-1).x - result[0].x) / result[0].cell + result[0].side,
    };
    if (legal) {
      nodes.push(
        ...head(row.kernel, many ? `Kernel ${o}` : "Kernel", by(kernel.slice(1))),
        ...head(row.share, "Sums", ui.narrow ? "" : "by channel"),
        ...head(whole, "Output", by(output), at.beside ? 0 : at.ends),
      );
    }
    for (const [c, { input: place }] of at.rows.entries()) {
      nodes.push(text(middle(place)[0], place.y - 5, "label", `channel ${c}`));
    }
    if (legal && many) {
      for (const [at_, place] of result.entries()) {
        nodes.push(text(middle(place)[0], place.y - 5, "label", `channel ${at_}`));
      }
    }
    return nodes;
  }

  function signs(at, read) {
    return read.flatMap((c, place) => {
      const { input, kernel, share } = at.rows[c];
      const y = middle(input)[1] + 8;
      const nodes = [
        text(kernel.x - at.gap / 2, y + 3, "star", "⋆"),
        text(share.x - at.gap / 2, y, "sign", "="),
      ];
      const next = read[place + 1];
      if (next !== undefined) {
        const [x, from] = middle(share);
        nodes.push(text(x, (from + middle(at.rows[next].share)[1]) / 2 + 8, "sign", "+"));
      }
      return nodes;
    });
  }

  /** The window on each channel that is read, its kernel, its sum, and the rays to the output cell. */
  function lit(at, now, [o, i, j], read) {
    const box = ({ x, y, cell }, row, column, side) =>
      s("rect", {
        x: (x + column * cell).toFixed(2),
        y: (y + row * cell).toFixed(2),
        width: (side * cell).toFixed(2),
        height: (side * cell).toFixed(2),
        class: "iml-cells-outline",
      });
    const target = at.results[o];
    const end = [target.x, target.y + (i + 0.5) * target.cell];
    return [
      ...read.flatMap((c) => {
        const { input, kernel, share } = at.rows[c];
        const start = [share.x + share.side * share.cell, share.y + (i + 0.5) * share.cell];
        const ray = at.beside
          ? s("line", { x1: start[0], y1: start[1], x2: end[0], y2: end[1], class: `${STYLE}-ray` })
          : null;
        return [
          ...(ray ? [ray] : []),
          box(input, i, j, now.size),
          box(kernel, 0, 0, now.size),
          box(share, i, j, 1),
        ];
      }),
      box(target, i, j, 1),
    ];
  }

  const show = (grid, visible) => grid.node.style.setProperty("display", visible ? "" : "none");

  return () => {
    const now = setting();
    const reason = model.problem(now);
    const [o, i, j] = selected();
    const read = reason ? [] : model.channelsRead(now, o);
    const at = layOut(ui.width, now);
    setAttributes(svg, { viewBox: `0 0 ${ui.width} ${at.height}` });
    svg.style.setProperty("height", `${at.height}px`);
    for (const c of channels) {
      const place = at.rows[c];
      show(inputs[c], place);
      show(kernels[c], read.includes(c));
      show(shares[c], read.includes(c));
      show(results[c], !reason && at.results[c]);
      if (place) {
        inputs[c].draw(place.input, model.inputChannel(now, c), `Input channel ${c}`);
        inputs[c].node.classList.toggle(`${STYLE}-unread`, !read.includes(c));
      }
      if (read.includes(c)) {
        kernels[c].draw(place.kernel, model.kernel(now, o, c), `Kernel on channel ${c}`);
        shares[c].draw(place.share, model.share(now, o, c), `Sum of channel ${c} alone`);
        shares[c].choose(i, j);
      }
      if (!reason && at.results[c]) {
        results[c].draw(at.results[c], model.outputChannel(now, c), `Output channel ${c}`);
        results[c].choose(i, j);
      }
    }
    back.replaceChildren(...titles(at, now, !reason), ...signs(at, read));
    front.replaceChildren(...(reason ? [] : lit(at, now, [o, i, j], read)));
    costs.replaceChildren(
      ...(reason ? [] : model.costLines(now)).map(([name, words]) =>
        h("p", {}, h("span", {}, name), words),
      ),
    );
    const name = now.outputs > 1 ? `Output channel ${o}, cell` : "Output";
    ui.readout(
      reason
        ? `${said}No output. ${reason}`
        : `${said}${name} (${i}, ${j}) = ${model.sumText(now, [o, i, j])}.`,
    );
    said = "";
  };
}

export default defineWidget({
  name: "ChannelStack",
  title: "A convolution of several channels, one output cell at a time",
  linked: [...SETTING, "cell"],
  readoutFirst: true,
  build,
});
