import { fold } from "../kit/controls.js";
import {
  defineWidget,
  dragHandle,
  fixed,
  h,
  plot,
  predict,
  s,
  significant,
  swatchOf,
} from "../kit/index.js";
import * as model from "./model.js";

const HEIGHT = 380;
const RADIUS = 6.5;
const STILL = 4; // a press that moves fewer pixels than this is a click

/** "ŷ = 0.72x + 1.1", with a true minus. */
function equation([w, b]) {
  const size = significant(Math.abs(b), 3);
  return `ŷ = ${significant(w, 3)}x ${b < 0 ? "−" : "+"} ${size}`;
}

/** Text after the same swatch that a legend would draw. */
function swatched(color, text, kind) {
  const swatch = swatchOf(color, kind);
  swatch.style.setProperty("margin-right", "0.4rem");
  return [swatch, text];
}

/** Which point tilts the line: the question's answer, in this data's own numbers. */
function explainTilt(x) {
  const shifts = model.slopeShifts(x).map(Math.abs);
  const [least, most] = [Math.min(...shifts), Math.max(...shifts)];
  return (
    "Moving point i up by 1 adds (xᵢ − x̄)/Σ(x − x̄)² to the slope. For these points the size of " +
    `that is ${significant(most)} at most, at an end, and ${significant(least)} at least, nearest ` +
    "to the mean of x."
  );
}

/** The lines that are drawn, with their numbers, as sentences. */
function describe({ x, y, own, best, robust, without, shown, markedIndex, leftOut }) {
  const yours = `Your line ${equation(own)} has loss ${significant(model.loss(x, y, own), 3)}`;
  const sentences = [];
  if (!best) {
    if (shown !== "best") sentences.push(`${yours}.`);
    sentences.push(
      `All ${x.length} points have x = ${significant(x[0], 3)}, so every slope fits equally well, ` +
        "as long as the line passes through their mean: no single best line exists. Move one of " +
        "them sideways.",
    );
    return sentences.join(" ");
  }
  const least = significant(model.loss(x, y, best), 3);
  if (shown === "own") {
    sentences.push(
      `${yours}, half the total area of the squares. Lower it as far as you can, then show both.`,
    );
  } else if (shown === "best") {
    sentences.push(`The least-squares line ${equation(best)} has loss ${least}; no line has less.`);
  } else {
    sentences.push(
      `${yours}, half the total area of the squares. The least-squares line ${equation(best)} has ` +
        `${least}; no line has less.`,
    );
  }
  if (robust) {
    const totals = [robust, best].map((line) => significant(model.absoluteLoss(x, y, line), 3));
    sentences.push(
      `Σ|ŷ − y| is least, ${totals[0]}, for ${equation(robust)}; least squares has ${totals[1]}.`,
    );
  }
  if (leftOut) {
    const name = `Without point ${markedIndex + 1}`;
    sentences.push(
      without
        ? `${name}, least squares gives ${equation(without)}.`
        : `${name}, the others have no single best line.`,
    );
  }
  return sentences.join(" ");
}

function build(ui) {
  const most = ui.forms.x.most;
  const points = () => [ui.get("x"), ui.get("y")];
  const limits = {};
  const step = [0, 0];
  const chart = plot({
    width: ui.width,
    height: HEIGHT,
    role: null,
    label: "Points, lines through them, and the squared errors of one line",
    x: { domain: [0, 10], label: "feature x" },
    y: { domain: [0, 10], label: "target y" },
  });
  chart.svg.style.setProperty("cursor", "crosshair");

  /** The window holds still while a point is dragged; it grows only when one lies outside. */
  function setFrame() {
    const [x, y] = points();
    for (const [i, [name, values]] of [
      ["x", x],
      ["y", y],
    ].entries()) {
      const range = model.frame(values);
      limits[name] = range;
      step[i] = (range[1] - range[0]) / 100;
    }
    chart.setAxes({ x: { domain: limits.x }, y: { domain: limits.y } });
  }
  /** @type {(value: number, range: number[]) => boolean} */
  const inside = (value, [low, high]) => value >= low && value <= high;
  /** A range a hair wider, so that a crossing computed on its border counts as inside. */
  /** @type {(range: number[]) => number[]} */
  const slack = ([low, high]) => [low - 1e-9 * (high - low), high + 1e-9 * (high - low)];
  setFrame();
  const span = (name) => limits[name][1] - limits[name][0];
  /** A hundredth of the step of an arrow key would never be noticed. */
  const rounded = (point) =>
    point.map((value, i) =>
      Number(value.toFixed(Math.max(0, 1 - Math.floor(Math.log10(step[i]))))),
    );

  const squares = s("g", { "aria-hidden": "true" });
  chart.layer.append(squares);
  const ring = s("circle", {
    r: RADIUS + 5,
    fill: "none",
    "stroke-width": 2,
    style: { stroke: "var(--iml-accent)" },
    "aria-hidden": "true",
  });
  chart.front.append(ring);

  const handles = [];
  const markedIndex = () => Math.min(ui.get("marked"), points()[0].length) - 1;

  function movePoint(index, [px, py]) {
    const [x, y] = points().map((values) => [...values]);
    [x[index], y[index]] = rounded([px, py]);
    ui.set({ x, y });
  }

  function addPoint(place) {
    const [x, y] = points();
    if (x.length >= most) return;
    const [px, py] = rounded(place);
    ui.set({ x: [...x, px], y: [...y, py], marked: x.length + 1 });
  }

  function removePoint(index) {
    const [x, y] = points();
    if (x.length <= 2) return;
    const without = (values) => values.filter((_, i) => i !== index);
    ui.set({ x: without(x), y: without(y), marked: Math.min(index + 1, x.length - 1) });
  }

  /** One handle a point; only the marked one is reached by Tab, "Marked point" chooses it. */
  function makeHandle(index) {
    const redraw = dragHandle(chart, {
      label: `Point ${index + 1}`,
      get: () => points().map((values) => values[index]),
      set: (point) => movePoint(index, point),
      step,
      limits,
      r: RADIUS,
      color: "training",
      describe: ([x, y]) => `x = ${fixed(x)}, y = ${fixed(y)}`,
    });
    const { node } = redraw;
    node.addEventListener("focus", () => ui.set({ marked: index + 1 }));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Delete" && event.key !== "Backspace") return;
      event.preventDefault();
      removePoint(index);
      handles[markedIndex()].node.focus();
    });
    return { node, redraw };
  }

  function drawHandles() {
    const [x] = points();
    while (handles.length < x.length) handles.push(makeHandle(handles.length));
    for (const { node } of handles.splice(x.length)) node.remove();
    for (const [index, { node, redraw }] of handles.entries()) {
      redraw();
      node.setAttribute("tabindex", index === markedIndex() ? 0 : -1);
    }
    const [px, py] = handles[markedIndex()] ? points().map((values) => values[markedIndex()]) : [];
    ring.setAttribute("cx", chart.x(px).toFixed(1));
    ring.setAttribute("cy", chart.y(py).toFixed(1));
  }

  /** @type {number[] | null} */
  let pressed = null;
  chart.svg.addEventListener("pointerdown", (event) => {
    const onHandle = event.target instanceof Element && event.target.closest(".iml-handle");
    pressed = onHandle ? null : [event.clientX, event.clientY];
  });
  chart.svg.addEventListener("click", (event) => {
    if (!pressed) return;
    const moved = Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]);
    pressed = null;
    const [x, y] = chart.at(event);
    if (moved < STILL && inside(x, limits.x) && inside(y, limits.y)) addPoint([x, y]);
  });

  function drawSquares(line, color) {
    const [x, y] = points();
    const parts = [];
    for (const [i, error] of model.errors(x, y, line).entries()) {
      const [px, from, to] = [chart.x(x[i]), chart.y(y[i]), chart.y(y[i] + error)];
      const side = Math.abs(to - from);
      const style = { stroke: `var(--iml-${color})`, fill: `var(--iml-${color})` };
      if (ui.get("squares")) {
        // On the side where the square does not cross the line, if there is room for it.
        const [roomLeft, roomRight] = limits.x.map((edge) => side <= Math.abs(chart.x(edge) - px));
        const left = error * line[0] <= 0 ? roomLeft || !roomRight : roomLeft && !roomRight;
        parts.push(
          s("rect", {
            x: (left ? px - side : px).toFixed(1),
            y: Math.min(from, to).toFixed(1),
            width: side.toFixed(1),
            height: side.toFixed(1),
            "fill-opacity": 0.13,
            "stroke-opacity": 0.45,
            style,
          }),
        );
      }
      parts.push(
        s("line", {
          x1: px.toFixed(1),
          x2: px.toFixed(1),
          y1: from.toFixed(1),
          y2: to.toFixed(1),
          "stroke-width": 2,
          style,
        }),
      );
    }
    squares.replaceChildren(...parts);
  }

  function drawLine(key, line, look) {
    const ends = line ? limits.x.map((x) => [x, line[0] * x + line[1]]) : [];
    chart.line(key, ends, look);
  }

  const names = s("g", { "aria-hidden": "true" });
  chart.front.append(names);

  /** The names of the solid lines, at the right ends that can be seen: the upper one above its line. */
  function nameLines(lines) {
    const ends = [];
    for (const [line, text, color] of lines) {
      const crossings = limits.y.map((y) => (y - line[1]) / line[0]).filter(Number.isFinite);
      const candidates = [...limits.x, ...crossings].filter((x) => inside(x, limits.x));
      const seen = candidates.filter((x) => inside(line[0] * x + line[1], slack(limits.y)));
      const x = Math.max(...seen);
      if (seen.length > 0) ends.push({ text, color, x, y: line[0] * x + line[1], slope: line[0] });
    }
    ends.sort((a, b) => b.y - a.y);
    names.replaceChildren(
      ...ends.map(({ text, color, x, y, slope }, place) => {
        // Clear of the line along the whole text, which reaches `wide` pixels to the left.
        const wide = 6 * text.length;
        const pixels = [
          chart.y(y),
          chart.y(y) + (wide * slope * (chart.y(0) - chart.y(1))) / (chart.x(1) - chart.x(0)),
        ];
        const at = place > 0 ? Math.max(...pixels) + 15 : Math.min(...pixels) - 8;
        return s(
          "text",
          {
            x: chart.x(x) - 4,
            y: Math.min(HEIGHT - 46, Math.max(24, at)).toFixed(1),
            "text-anchor": "end",
            class: "iml-note",
            style: { fill: `var(--iml-${color})` },
          },
          text,
        );
      }),
    );
  }

  ui.stage(chart.svg);
  ui.controls(
    predict(ui, {
      question: "one point moves up by 1. Which point tilts the line the most?",
      options: ["One in the middle", "One at an end", "Each tilts it the same"],
      answer: () => {
        const shifts = model.slopeShifts(points()[0]).map(Math.abs);
        return Math.max(...shifts) - Math.min(...shifts) < 1e-9 * Math.max(...shifts) ? 2 : 1;
      },
      explain: () => explainTilt(points()[0]),
    }),
    ui.slider({
      trait: "slope",
      label: swatched("accent", "Your weight w"),
      min: (-2 * span("y")) / span("x"),
      max: (2 * span("y")) / span("x"),
      step: span("y") / span("x") / 50,
      format: (value) => significant(value, 3),
    }),
    ui.slider({
      trait: "intercept",
      label: swatched("accent", "Your intercept b"),
      min: limits.y[0] - span("y") / 2,
      max: limits.y[1] + span("y") / 2,
      step: span("y") / 100,
      format: (value) => significant(value, 3),
    }),
    ui.choice({
      trait: "lines",
      label: "Show",
      options: [
        ["own", "your line"],
        ["best", "least squares"],
        ["both", "both"],
      ],
    }),
    fold(
      "More to try",
      ui.toggle({ trait: "squares", label: "Squares" }),
      ui.toggle({
        trait: "absolute",
        label: swatched("gradient", "Least absolute errors", "dash"),
      }),
      ui.toggle({
        trait: "left_out",
        label: swatched("reference", "Without the marked point", "dash"),
      }),
      h(
        "div",
        { class: "iml-control" },
        ui.stepper({
          trait: "marked",
          label: "Marked point",
          min: 1,
          max: () => points()[0].length,
        }),
        ui.button({
          label: "Remove",
          name: "Remove the marked point",
          onpress: () => removePoint(markedIndex()),
          disabled: () => points()[0].length <= 2,
        }),
        ui.button({
          label: "Add a point",
          onpress: () => {
            addPoint([(limits.x[0] + limits.x[1]) / 2, (limits.y[0] + limits.y[1]) / 2]);
            handles[markedIndex()].node.focus();
          },
          disabled: () => points()[0].length >= most,
        }),
      ),
    ),
  );

  return () => {
    const [x, y] = points();
    if (ui.get("marked") > x.length) return ui.set({ marked: x.length });
    if (x.some((v) => !inside(v, limits.x)) || y.some((v) => !inside(v, limits.y))) setFrame();
    const own = [ui.get("slope"), ui.get("intercept")];
    const shown = ui.get("lines");
    const solvable = !model.allEqual(x);
    const best = solvable ? model.leastSquares(x, y) : null;
    const judged = shown === "best" ? best : own;
    if (judged) drawSquares(judged, "error");
    else squares.replaceChildren();
    drawLine("own", shown === "best" ? null : own, { color: "accent", width: 2.5 });
    drawLine("best", shown === "own" ? null : best, { color: "prediction", width: 3 });
    const robust = ui.get("absolute") && solvable ? model.leastAbsolute(x, y) : null;
    drawLine("absolute", robust, { color: "gradient", width: 2, dash: "7 4" });
    nameLines(
      [
        [shown === "own" ? null : best, "least squares", "prediction"],
        [shown === "best" ? null : own, "your line", "accent"],
      ].filter(([line]) => line),
    );
    const others = x.filter((_, i) => i !== markedIndex());
    const spared = ui.get("left_out") && x.length > 2 && !model.allEqual(others);
    const without = spared ? model.leastSquaresWithout(x, y, markedIndex()) : null;
    drawLine("without", without, { color: "reference", width: 2, dash: "2 4" });
    drawHandles();
    ui.readout(
      describe({
        ...{ x, y, own, best, robust, without, shown },
        markedIndex: markedIndex(),
        leftOut: ui.get("left_out"),
      }),
    );
  };
}

export default defineWidget({
  name: "LineFit",
  title: "A line through points that you can move",
  linked: ["x", "y", "slope", "intercept", "lines", "squares", "absolute", "left_out", "marked"],
  build,
});
