// A handle that is dragged by pointer or moved by arrow keys, over a plot.

import { clamp } from "../maths/numbers.js";
import { s, setAttributes } from "./dom.js";

/** @import { Chart } from "./plot.js" */
/** @import { Pair } from "../maths/symmetric.js" */

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * dragHandle(chart, { label, get: () => [x, y], set: ([x, y]) => …, step: [dx, dy], describe, axis, color })
 * axis "x" or "y" keeps it on a line. Shift makes an arrow key move ten steps. Home and End go to the
 * ends given by `limits: { x: [low, high], y: [low, high] }`, which also clamp every move.
 * Call the returned function to redraw it; its `node` is the handle.
 * @param {Chart} chart
 * @param {object} options
 * @param {string} options.label
 * @param {() => number[]} options.get
 * @param {(point: Pair) => void} options.set
 * @param {number[]} options.step
 * @param {(point: Pair) => string} [options.describe]
 * @param {"both" | "x" | "y"} [options.axis]
 * @param {string} [options.color]
 * @param {{ x?: number[], y?: number[] }} [options.limits]
 * @param {number} [options.r]
 */
export function dragHandle(chart, options) {
  const {
    label,
    get,
    set,
    step,
    describe,
    axis = "both",
    color = "accent",
    limits,
    r = 8,
  } = options;
  /** @type {(point: Pair) => Pair} */
  const within = ([x, y]) => [
    limits?.x ? clamp(x, limits.x[0], limits.x[1]) : x,
    limits?.y ? clamp(y, limits.y[0], limits.y[1]) : y,
  ];
  const along = axis === "y" ? 1 : 0;
  const move = (/** @type {number[]} */ [x, y]) => {
    const [oldX, oldY] = get();
    set(within([axis === "y" ? oldX : x, axis === "x" ? oldY : y]));
  };
  const node = s(
    "g",
    { class: "iml-handle", role: "slider", tabindex: 0, "aria-label": label },
    s("circle", { r: r + 10, class: "iml-grip" }),
    s("circle", { r, class: "iml-knob", style: { fill: `var(--iml-${color})` } }),
  );
  const range = limits?.[axis === "y" ? "y" : "x"];
  if (range) setAttributes(node, { "aria-valuemin": range[0], "aria-valuemax": range[1] });
  if (axis === "y") setAttributes(node, { "aria-orientation": "vertical" });
  node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    const drag = (/** @type {PointerEvent} */ moved) => move(chart.at(moved));
    const stop = () => {
      node.removeEventListener("pointermove", drag);
      node.removeEventListener("pointerup", stop);
      node.removeEventListener("pointercancel", stop);
    };
    node.addEventListener("pointermove", drag);
    node.addEventListener("pointerup", stop);
    node.addEventListener("pointercancel", stop);
  });
  node.addEventListener("keydown", (event) => {
    const many = event.shiftKey ? 10 : 1;
    const [x, y] = get();
    if (ARROWS[event.key]) {
      const [dx, dy] = ARROWS[event.key];
      // On a handle with one axis every arrow key counts, as on a native slider.
      if (axis === "both") move([x + dx * many * step[0], y + dy * many * step[1]]);
      else move([x + (dx + dy) * many * step[0], y + (dx + dy) * many * step[1]]);
    } else if ((event.key === "Home" || event.key === "End") && range) {
      const end = range[event.key === "Home" ? 0 : 1];
      move(along === 0 ? [end, y] : [x, end]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  chart.front.append(node);
  function redraw() {
    const [x, y] = get();
    const text = describe ? describe([x, y]) : `${x}, ${y}`;
    setAttributes(node, {
      transform: `translate(${chart.x(x).toFixed(1)} ${chart.y(y).toFixed(1)})`,
      "aria-valuenow": [x, y][along],
      "aria-valuetext": text,
    });
  }
  return Object.assign(redraw, { node });
}
