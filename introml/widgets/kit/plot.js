// A small chart: two scales, their axes, and layers of lines, dots, areas and rules, each redrawn in
// place by its key. Text keeps its size at every width because the drawing is laid out in pixels.

import { scaleLinear, scaleLog } from "d3-scale";
import { area as areaPath, line as linePath } from "d3-shape";
import { clipped } from "./clip.js";
import { h, s, setAttributes } from "./dom.js";
import { significant } from "./format.js";

/**
 * @typedef {object} Axis
 * @property {[number, number]} domain
 * @property {string} [label]
 * @property {"linear" | "log"} [type]
 * @property {number | number[]} [ticks] about how many, or which
 * @property {(value: number) => string} [format]
 */
/** @import { Child } from "./dom.js" */
/** @typedef {ReturnType<typeof plot>} Chart */
/** @typedef {"x" | "y"} Direction */
/** @typedef {{ color?: string, width?: number, dash?: string | null, opacity?: number | null }} Look */

/**
 * The number of a chart, whose clip path needs a name of its own. Each widget brings its own copy of
 * this file, so the count is the page's; the still pictures (`site/still.mjs`) count from further on.
 */
function nextNumber() {
  const page = /** @type {{ imlCharts?: number }} */ (globalThis);
  page.imlCharts = (page.imlCharts ?? 0) + 1;
  return page.imlCharts;
}

const MARGIN = { top: 12, right: 14, bottom: 40, left: 50 };

const color = (/** @type {string} */ name) =>
  name.includes("(") || name.startsWith("#") ? name : `var(--iml-${name})`;

/**
 * Where a pointer is, in the pixels of the drawing (its viewBox).
 * @param {SVGSVGElement} svg
 * @param {MouseEvent} event
 * @returns {[number, number]}
 */
export function pointerPosition(svg, event) {
  const box = svg.getBoundingClientRect();
  const [, , width, height] = (svg.getAttribute("viewBox") ?? "").split(" ").map(Number);
  // The drawing is fitted into its box, so one scale serves both directions.
  const scale = Math.min(box.width / width, box.height / height);
  return [
    (event.clientX - box.left - (box.width - width * scale) / 2) / scale,
    (event.clientY - box.top - (box.height - height * scale) / 2) / scale,
  ];
}

/**
 * A panel for a drawing: an <svg> of fixed height, announced as one picture or left open (role null).
 * @param {{ width: number, height: number, label: string, role?: string | null }} options
 */
export function picture({ width, height, label, role = "img" }) {
  return s("svg", {
    class: "iml-picture",
    viewBox: `0 0 ${width} ${height}`,
    role: role ?? "group",
    "aria-label": label,
    style: { width: `${width}px`, height: `${height}px` },
  });
}

/**
 * plot({ width, height, label, x: { domain, label, type, ticks, format }, y: {…}, margin })
 * type is "linear" or "log". Colours are token names: "training", "validation", "gradient", "ink", …
 * @param {object} options
 * @param {number} options.width
 * @param {number} options.height
 * @param {string} options.label
 * @param {Axis} options.x
 * @param {Axis} options.y
 * @param {Partial<typeof MARGIN>} [options.margin]
 * @param {string | null} [options.role]
 */
export function plot({ width, height, label, x, y, margin = {}, role = "img" }) {
  const m = { ...MARGIN, ...margin };
  const svg = picture({ width, height, label, role });
  /** @type {Record<Direction, Axis>} */
  const axes = { x: { ...x }, y: { ...y } };
  const scales = { x: scaleLinear(), y: scaleLinear() };
  const grid = s("g", { class: "iml-axes", "aria-hidden": "true" });
  const clipId = `iml-clip-${nextNumber()}`;
  const clip = s(
    "clipPath",
    { id: clipId },
    s("rect", {
      x: m.left,
      y: m.top,
      width: Math.max(0, width - m.left - m.right),
      height: Math.max(0, height - m.top - m.bottom),
    }),
  );
  const layer = s("g", { "clip-path": `url(#${clipId})` });
  const front = s("g", {});
  svg.append(clip, grid, layer, front);
  /** @type {Map<string, SVGElement>} */
  const marks = new Map();

  /**
   * @param {string} key
   * @param {"path" | "g"} tag
   */
  function mark(key, tag, parent = layer) {
    const node = marks.get(key) ?? s(tag, {});
    if (!marks.has(key)) {
      marks.set(key, node);
      parent.append(node);
    }
    return node;
  }

  function drawAxes() {
    const across = [m.left, width - m.right];
    const up = [height - m.bottom, m.top];
    const scaleOf = (/** @type {Axis} */ axis, /** @type {number[]} */ range) =>
      (axis.type === "log" ? scaleLog() : scaleLinear()).domain(axis.domain).range(range);
    Object.assign(scales, { x: scaleOf(axes.x, across), y: scaleOf(axes.y, up) });
    const parts = [];
    for (const name of /** @type {const} */ (["x", "y"])) {
      const [spec, scale] = [axes[name], scales[name]];
      const many =
        spec.ticks ?? Math.max(2, Math.round(Math.abs(scale.range()[1] - scale.range()[0]) / 70));
      const shown = Array.isArray(many) ? many : scale.ticks(many);
      const every = spec.type === "log" && shown.length > 9 ? 10 : 1;
      for (const value of shown) {
        const at = scale(value);
        const power = Math.log10(value);
        const named = every === 1 || Math.abs(power - Math.round(power)) < 1e-9;
        if (!named) continue;
        const text = (spec.format ?? ((v) => significant(v, 3)))(value);
        if (name === "x") {
          parts.push(s("line", { x1: at, x2: at, y1: m.top, y2: height - m.bottom }));
          parts.push(
            s("text", { x: at, y: height - m.bottom + 16, "text-anchor": "middle" }, text),
          );
        } else {
          parts.push(s("line", { x1: m.left, x2: width - m.right, y1: at, y2: at }));
          parts.push(s("text", { x: m.left - 7, y: at + 4, "text-anchor": "end" }, text));
        }
      }
    }
    if (axes.x.label) {
      const place = { x: (across[0] + across[1]) / 2, y: height - 5, "text-anchor": "middle" };
      parts.push(s("text", { ...place, class: "iml-axis-label" }, axes.x.label));
    }
    if (axes.y.label) {
      const place = { transform: `translate(12 ${(up[0] + up[1]) / 2}) rotate(-90)` };
      parts.push(
        s("text", { ...place, "text-anchor": "middle", class: "iml-axis-label" }, axes.y.label),
      );
    }
    grid.replaceChildren(...parts);
  }
  drawAxes();

  // Lines are cut, and dots left out, a drawing's size away from the drawing.
  const reach = [-width, -height, 2 * width, 2 * height];
  const polyline = linePath().digits(1);
  const isNear = (/** @type {number[]} */ [px, py]) =>
    px > reach[0] && px < reach[2] && py > reach[1] && py < reach[3];
  /** @type {(point: number[]) => [number, number]} */
  const pixel = ([x, y]) => [scales.x(x), scales.y(y)];

  const chart = {
    svg,
    /** A layer for a drawing of one's own, clipped to the plot; `front` is not clipped. */
    layer,
    front,
    x: (/** @type {number} */ value) => scales.x(value),
    y: (/** @type {number} */ value) => scales.y(value),
    /** Change the domains, types or labels of the axes, e.g. setAxes({ y: { domain: [0, 2] } }). */
    setAxes(/** @type {Partial<Record<Direction, Partial<Axis>>>} */ changes) {
      for (const name of /** @type {const} */ (["x", "y"]))
        Object.assign(axes[name], changes[name]);
      drawAxes();
    },
    /**
     * Data coordinates under the pointer.
     * @param {MouseEvent} event
     * @returns {[number, number]}
     */
    at(event) {
      const [px, py] = pointerPosition(svg, event);
      return [scales.x.invert(px), scales.y.invert(py)];
    },
    /** The `d` of a polyline through [[x, y], …]; points that are not finite interrupt it. */
    path: (/** @type {number[][]} */ points) =>
      clipped(points.map(pixel), reach)
        .map((part) => polyline(/** @type {[number, number][]} */ (part)))
        .join(""),
    /**
     * A polyline, as `path` has it.
     * @param {string} key
     * @param {number[][]} points
     * @param {Look} look
     */
    line(
      key,
      points,
      { color: name = "ink", width: stroke = 2, dash = null, opacity = null } = {},
    ) {
      return setAttributes(mark(key, "path"), {
        d: chart.path(points),
        fill: "none",
        "stroke-linejoin": "round",
        "stroke-width": stroke,
        "stroke-dasharray": dash,
        opacity,
        style: { stroke: color(name) },
      });
    },
    /**
     * The band between two curves: [[x, low, high], …].
     * @param {string} key
     * @param {[number, number, number][]} points
     * @param {{ color?: string, opacity?: number }} look
     */
    area(key, points, { color: name = "ink", opacity = 0.18 } = {}) {
      const path = /** @type {typeof areaPath<[number, number, number]>} */ (areaPath)()
        .x((p) => scales.x(p[0]))
        .y0((p) => scales.y(p[1]))
        .y1((p) => scales.y(p[2]))
        .digits(1);
      return setAttributes(mark(key, "path"), {
        d: path(points) ?? "",
        opacity,
        style: { fill: color(name) },
      });
    },
    /**
     * Dots at [[x, y], …].
     * @param {string} key
     * @param {number[][]} points
     * @param {{ color?: string, r?: number, hollow?: boolean, opacity?: number | null }} look
     */
    dots(key, points, { color: name = "ink", r = 4, hollow = false, opacity = null } = {}) {
      const group = setAttributes(mark(key, "g"), { opacity });
      group.replaceChildren(
        ...points
          .map(pixel)
          .filter(isNear)
          .map(([cx, cy]) =>
            s("circle", {
              cx: cx.toFixed(1),
              cy: cy.toFixed(1),
              r,
              "stroke-width": 1.5,
              style: {
                fill: hollow ? "var(--iml-raised)" : color(name),
                stroke: hollow ? color(name) : "var(--iml-raised)",
              },
            }),
          ),
      );
      return group;
    },
    /**
     * A straight rule at x or at y, with a label beside it.
     * @param {string} key
     * @param {{ x?: number, y?: number, label?: string, color?: string, dash?: string | null }} place
     */
    rule(key, { x: atX, y: atY, label: text = "", color: name = "muted", dash = "4 3" }) {
      const group = mark(key, "g", front);
      const value = atX ?? atY ?? Number.NaN;
      const [low, high] = (atX === undefined ? axes.y : axes.x).domain;
      const outside = value < Math.min(low, high) || value > Math.max(low, high);
      if (!Number.isFinite(value) || outside) {
        group.replaceChildren();
        return group;
      }
      const stroke = {
        "stroke-width": 1.5,
        "stroke-dasharray": dash,
        style: { stroke: color(name) },
      };
      if (atX !== undefined) {
        const px = scales.x(atX);
        const left = px > (m.left + width - m.right) / 2;
        const side = { x: px + (left ? -5 : 5), "text-anchor": left ? "end" : "start" };
        group.replaceChildren(
          s("line", { x1: px, x2: px, y1: m.top, y2: height - m.bottom, ...stroke }),
          s(
            "text",
            { ...side, y: m.top + 11, class: "iml-note", style: { fill: color(name) } },
            text,
          ),
        );
      } else {
        const py = scales.y(value);
        const place = {
          x: width - m.right - 4,
          y: py - 5,
          "text-anchor": "end",
          class: "iml-note",
        };
        group.replaceChildren(
          s("line", { x1: m.left, x2: width - m.right, y1: py, y2: py, ...stroke }),
          s("text", { ...place, style: { fill: color(name) } }, text),
        );
      }
      return group;
    },
    remove(/** @type {string} */ key) {
      marks.get(key)?.remove();
      marks.delete(key);
    },
  };
  return chart;
}

/**
 * What stands for a line in a legend.
 * @param {string} name of its colour
 * @param {string} [kind] "line", "dot" or "dash"
 */
export function swatchOf(name, kind = "line") {
  const style = { stroke: color(name), fill: color(name) };
  const dash = kind === "dash" ? "4 3" : null;
  const line = { x1: 1, x2: 17, y1: 6, y2: 6, "stroke-width": 3, "stroke-dasharray": dash };
  return s(
    "svg",
    { viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" },
    kind === "dot" ? s("circle", { cx: 9, cy: 6, r: 4.5, style }) : s("line", { ...line, style }),
  );
}

/**
 * legend([["training", "training loss"], …]): a line of swatches.
 * @param {[color: string, text: Child, kind?: string][]} entries
 */
export function legend(entries) {
  const items = entries.map(([name, text, kind]) => h("li", {}, swatchOf(name, kind), text));
  return h("ul", { class: "iml-legend" }, items);
}
