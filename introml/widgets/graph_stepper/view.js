import { fold } from "../kit/controls.js";
import { defineWidget, h, legend, picture, predict, s, setAttributes } from "../kit/index.js";
import { BOX, layOut } from "./layout.js";
import * as model from "./model.js";
import { describe, expressionOf, number, symbol } from "./wording.js";

const EXAMPLES = [
  ["(x + y) * z", [-2, 5, -4]],
  ["sigmoid(w * x + b)", [2, -1, 3]],
  ["g = x + y; g * g", [1, 2]],
  ["h = relu(w * x + b); (h - y)^2 / 2", [0.5, 2, 0.5, 1]],
  ["log(exp(a) + exp(b))", [1, 2]],
];

/** The reader guesses the sign of a derivative. */
function question(ui) {
  return predict(ui, {
    question: "x grows by 0.01. Does the result rise, fall, or stay?",
    options: ["It rises", "It falls", "It stays"],
    answer: () => 1,
    explain: () =>
      "x + y grows by 0.01 too, but it is multiplied by z, which is −4: the result falls by 0.04. " +
      "Set x to −1.99 and see; then step to the end, where the gradient at x says −4.",
  });
}

/** The values of a graph's variables: by their names as before, 1 for new ones. */
function carriedOver(before, values, after) {
  const known = new Map(before.variables.map((at, i) => [before.nodes[at].name, values[i] ?? 1]));
  const carried = after.variables.map((at) => known.get(after.nodes[at].name) ?? 1);
  return carried.length ? carried : [1]; // a list of none is no list of numbers
}

function build(ui) {
  const svg = picture({ width: ui.width, height: 100, role: "img", label: "" });
  let graph = model.read(ui.get("expression")).graph ?? model.NOTHING;
  const valuesOf = (of) => of.variables.map((_, i) => ui.get("values")[i] ?? 1);

  // The expression as text, and what is wrong with it while it cannot be read.
  const refusal = h("div", { class: "iml-graph-refusal", role: "alert" });
  const id = ui.id("expression");
  const text = h("input", {
    type: "text",
    id,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    maxlength: ui.forms.expression?.most,
    oninput: () => say(model.read(text.value)),
    onchange: () => {
      const { graph: made } = model.read(text.value);
      if (!made) return;
      const values = graph
        ? carriedOver(graph, valuesOf(graph), made)
        : made.variables.map(() => 1);
      ui.set({ expression: text.value, values, step: 0, passes: 1 });
    },
  });
  function say({ message, at }) {
    text.setAttribute("aria-invalid", String(Boolean(message)));
    const where = `${text.value.replace(/\s/g, " ")}\n${" ".repeat(Math.max(0, at))}↑`;
    refusal.replaceChildren(
      ...(message
        ? [
            h("pre", { "aria-hidden": "true" }, where),
            h("p", {}, `Character ${at + 1}: ${message}`),
          ]
        : []),
    );
  }
  const fields = h("div", { class: "iml-graph-values" });
  function drawFields() {
    fields.replaceChildren(
      ...graph.variables.map((at, i) => {
        const field = `${id}-${i}`;
        const input = h("input", {
          type: "number",
          id: field,
          step: "any",
          min: ui.forms.values?.low,
          max: ui.forms.values?.high,
          inputmode: "decimal",
          value: String(valuesOf(graph)[i]),
          onchange: () => {
            const { low, high } = ui.forms.values;
            const given = input.value === "" ? Number.NaN : Number(input.value);
            const values = valuesOf(graph);
            if (given >= low && given <= high) values[i] = given;
            input.value = String(values[i]);
            ui.set({ values });
          },
        });
        return h("label", { for: field }, `${graph.nodes[at].name} =`, input);
      }),
    );
  }

  const last = () => model.lastStep(graph, ui.get("passes"));
  ui.stage(
    h(
      "div",
      { class: "iml-graph-expression" },
      h("label", { class: "iml-graph-text", for: id }, "f =", text),
      fields,
      refusal,
    ),
    svg,
  );
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.player({ trait: "step", label: "Step", last, interval: 900 }),
    ui.button({
      label: "Back once more, nothing zeroed",
      onpress: () => ui.set({ passes: ui.get("passes") + 1, step: ui.get("step") + 1 }),
      disabled: () =>
        ui.get("step") < last() ||
        ui.get("passes") >= ui.forms.passes.high ||
        model.counts(graph).back === 0,
    }),
    fold(
      "Other expressions",
      ...EXAMPLES.map(([expression, values]) =>
        ui.button({
          label: expression,
          onpress: () => ui.set({ expression, values, step: 0, passes: 1 }),
        }),
      ),
      h(
        "p",
        {},
        "Write your own with + − * / ^, exp, log, sin, tanh, sigmoid, relu and max(a, b). “g = x + y; g * g” " +
          "names a value, which is then used twice.",
      ),
    ),
    legend([
      ["ink", "value", "line"],
      ["gradient", "gradient of f there; on an arrow, the local derivative", "line"],
    ]),
  );

  /** @type {{ text: string | null, boxes: any[], edges: any[] }} */
  const drawn = { text: null, boxes: [], edges: [] };

  /** The end of an arrow on the border of a box, coming from another place. */
  function onBorder(to, from) {
    const [dx, dy] = [from.x - to.x, from.y - to.y];
    const reach = Math.min(
      BOX.width / 2 / Math.max(Math.abs(dx), 1e-9),
      BOX.height / 2 / Math.max(Math.abs(dy), 1e-9),
    );
    return { x: to.x + dx * reach, y: to.y + dy * reach };
  }

  /** An arrow from an input to its user; a second one to the same user is bent beside it. */
  function arrow(from, to, twin) {
    const [start, end] = [onBorder(from, to), onBorder(to, from)];
    const length = Math.hypot(end.x - start.x, end.y - start.y) || 1;
    const [ux, uy] = [(end.x - start.x) / length, (end.y - start.y) / length];
    const bend = twin * 13;
    const middle = {
      x: (start.x + end.x) / 2 - uy * bend * 2,
      y: (start.y + end.y) / 2 + ux * bend * 2,
    };
    const [bx, by] = [start.x - uy * bend * 0.4, start.y + ux * bend * 0.4];
    const [ex, ey] = [end.x - uy * bend * 0.4, end.y + ux * bend * 0.4];
    const angle = Math.atan2(ey - middle.y, ex - middle.x);
    const turn = (by_, size) =>
      `${ex - size * Math.cos(angle + by_)},${ey - size * Math.sin(angle + by_)}`;
    const note = { x: (start.x + end.x) / 2 - uy * bend, y: (start.y + end.y) / 2 + ux * bend };
    return {
      line: s("path", {
        class: "iml-graph-edge",
        d: `M${bx},${by} Q${middle.x},${middle.y} ${ex},${ey}`,
      }),
      head: s("polygon", {
        class: "iml-graph-head",
        points: `${ex},${ey} ${turn(0.45, 8)} ${turn(-0.45, 8)}`,
      }),
      label: s("text", {
        class: "iml-note iml-graph-local",
        x: note.x,
        y: note.y + 4,
        "text-anchor": "middle",
      }),
    };
  }

  function box(node, place) {
    const { op } = graph.nodes[node];
    const [x, y] = [place.x, place.y - BOX.height / 2];
    const line = (name, at) => s("text", { class: `iml-graph-${name}`, x, y: y + at });
    const lines = {
      symbol: line("symbol", 17),
      value: line("value", 34),
      gradient: line("gradient", 51),
    };
    const kind = op === "variable" || op === "number" ? op : "operator";
    const group = s(
      "g",
      { class: `iml-graph-box iml-graph-${kind}` },
      s("rect", {
        x: x - BOX.width / 2,
        y,
        width: BOX.width,
        height: BOX.height,
        rx: 6,
      }),
      Object.values(lines),
    );
    const { name } = graph.nodes[node];
    lines.symbol.textContent =
      kind === "operator" && name ? `${name}: ${symbol(graph, node)}` : symbol(graph, node);
    if (kind === "number") setAttributes(lines.symbol, { y: y + BOX.height / 2 + 5 });
    return { group, kind, ...lines };
  }

  function draw() {
    const layout = layOut(graph, ui.width);
    drawn.boxes = layout.places.map((place, node) => box(node, place));
    drawn.edges = graph.nodes.flatMap(({ inputs }, user) =>
      inputs.map((input, slot) => {
        const twins = inputs.filter((other) => other === input).length > 1;
        const twin = twins ? (slot === inputs.indexOf(input) ? -1 : 1) : 0;
        return { input, user, slot, ...arrow(layout.places[input], layout.places[user], twin) };
      }),
    );
    svg.replaceChildren(
      ...drawn.edges.map(({ line }) => line),
      ...drawn.edges.map(({ head }) => head),
      ...drawn.boxes.map(({ group }) => group),
      ...drawn.edges.map(({ label }) => label),
    );
    setAttributes(svg, { viewBox: `0 0 ${layout.width} ${layout.height}` });
    svg.style.setProperty("width", `${layout.width * layout.scale}px`);
    svg.style.setProperty("height", `${layout.height * layout.scale}px`);
    drawFields();
  }

  function show(state) {
    const { handed, computed } = state;
    for (const [node, shown] of drawn.boxes.entries()) {
      const [value, gradient] = [state.values[node], state.gradients[node]];
      if (shown.kind !== "number") shown.value.textContent = value === null ? "?" : number(value);
      shown.gradient.textContent = gradient === null ? "" : number(gradient);
      const seeded = state.seeded && node === graph.result;
      shown.group.classList.toggle("iml-graph-now", node === computed);
      shown.group.classList.toggle("iml-graph-back", node === handed?.node || seeded);
    }
    for (const { input, user, slot, line, head, label } of drawn.edges) {
      const share = handed?.node === user && handed.shares.find((one) => one.slot === slot);
      for (const part of [line, head]) {
        part.classList.toggle("iml-graph-now", user === computed);
        part.classList.toggle("iml-graph-back", Boolean(share && share.input === input));
      }
      label.textContent = share ? `× ${number(share.local)}` : "";
    }
  }

  return () => {
    const expression = ui.get("expression");
    if (expression !== drawn.text) {
      const found = model.read(expression);
      if (!found.graph) throw new Error(`character ${found.at + 1}: ${found.message}`);
      graph = found.graph;
      drawn.text = expression;
      draw();
    }
    if (document.activeElement !== text) {
      text.value = expression;
      say({ message: "", at: -1 });
    }
    text.setAttribute("value", expression);
    const values = valuesOf(graph);
    for (const [i, field] of [...fields.querySelectorAll("input")].entries()) {
      if (document.activeElement !== field) field.value = String(values[i]);
      field.setAttribute("value", String(values[i]));
    }
    const step = Math.min(ui.get("step"), last());
    const state = model.stateAt(graph, values, step);
    show(state);
    const sentence = describe(graph, state, { step, passes: ui.get("passes") });
    svg.setAttribute("aria-label", `The graph of ${expressionOf(graph, graph.result)}`);
    ui.readout(sentence);
  };
}

export default defineWidget({
  name: "GraphStepper",
  title: "An expression as a graph, forward and backward one step at a time",
  linked: ["expression", "values", "step", "passes"],
  readoutFirst: true,
  build,
});
