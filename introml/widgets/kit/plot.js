// A small chart: two scales, their axes, and layers of lines, dots, areas and rules, each redrawn in
// place by its key. Text keeps its size at every width because the drawing is laid out in pixels.

import { scaleLinear, scaleLog } from "d3-scale";
import { area as areaPath, line as linePath } from "d3-shape";
import { clipped } from "./clip.js";
import { s, setAttributes } from "./dom.js";
import { significant } from "./format.js";

const MARGIN = { top: 12, right: 14, bottom: 40, left: 50 };

const color = (name) => (name.includes("(") || name.startsWith("#") ? name : `var(--iml-${name})`);

/** Where a pointer is, in the pixels of the drawing (its viewBox). */
export function pointerPosition(svg, event) {
  const box = svg.getBoundingClientRect();
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  // The drawing is fitted into its box, so one scale serves both directions.
  const scale = Math.min(box.width / width, box.height / height);
  return [
    (event.clientX - box.left - (box.width - width * scale) / 2) / scale,
    (event.clientY - box.top - (box.height - height * scale) / 2) / scale,
  ];
}

/** A panel for a drawing: an <svg> of fixed height, announced as one picture or left open (role null). */
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
 */
export function plot({ width, height, label, x, y, margin = {}, role = "img" }) {
  const m = { ...MARGIN, ...margin };
  const svg = picture({ width, height, label, role });
  const axes = { x: { ...x }, y: { ...y } };
  const scales = {};
  const grid = s("g", { class: "iml-axes", "aria-hidden": "true" });
  const clipId = `iml-clip-${Math.round(width)}-${Math.round(height)}-${++plot.count}`;
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
  const marks = new Map();

  function mark(key, tag, parent = layer) {
    if (!marks.has(key)) {
      const node = s(tag, {});
      marks.set(key, node);
      parent.append(node);
    }
    return marks.get(key);
  }

  function drawAxes() {
    const across = [m.left, width - m.right];
    const up = [height - m.bottom, m.top];
    for (const [name, range] of [
      ["x", across],
      ["y", up],
    ]) {
      const make = axes[name].type === "log" ? scaleLog : scaleLinear;
      scales[name] = make().domain(axes[name].domain).range(range);
    }
    const parts = [];
    for (const [name, scale] of Object.entries(scales)) {
      const spec = axes[name];
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
  const [reach, polyline] = [[-width, -height, 2 * width, 2 * height], linePath().digits(1)];
  const isNear = ([px, py]) => px > reach[0] && px < reach[2] && py > reach[1] && py < reach[3];
  const pixel = ([x, y]) => [scales.x(x), scales.y(y)];

  const chart = {
    svg,
    /** A layer for a drawing of one's own, clipped to the plot; `front` is not clipped. */
    layer,
    front,
    x: (value) => scales.x(value),
    y: (value) => scales.y(value),
    /** Change the domains, types or labels of the axes, e.g. setAxes({ y: { domain: [0, 2] } }). */
    setAxes(changes) {
      for (const name of ["x", "y"]) Object.assign(axes[name], changes[name]);
      drawAxes();
    },
    /** Data coordinates under the pointer. */
    at(event) {
      const [px, py] = pointerPosition(svg, event);
      return [scales.x.invert(px), scales.y.invert(py)];
    },
    /** The `d` of a polyline through [[x, y], …]; points that are not finite interrupt it. */
    path: (points) => clipped(points.map(pixel), reach).map(polyline).join(""),
    /** A polyline, as `path` has it. */
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
    /** The band between two curves: [[x, low, high], …]. */
    area(key, points, { color: name = "ink", opacity = 0.18 } = {}) {
      const path = areaPath()
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
    /** Dots at [[x, y], …]. */
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
    /** A straight rule at x or at y, with a label beside it. */
    rule(key, { x: atX, y: atY, label: text = "", color: name = "muted", dash = "4 3" }) {
      const group = mark(key, "g", front);
      const value = atX ?? atY;
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
        const py = scales.y(atY);
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
    remove(key) {
      marks.get(key)?.remove();
      marks.delete(key);
    },
  };
  return chart;
}
plot.count = 0;

/** legend([["training", "training loss"], …]): a line of swatches; a third entry "line" | "dot" | "dash". */
export function legend(entries) {
  const swatch = (name, kind) => {
    const style = { stroke: color(name), fill: color(name) };
    if (kind === "dot") return s("circle", { cx: 9, cy: 6, r: 4.5, style });
    const dash = kind === "dash" ? "4 3" : null;
    return s("line", {
      x1: 1,
      x2: 17,
      y1: 6,
      y2: 6,
      "stroke-width": 3,
      "stroke-dasharray": dash,
      style,
    });
  };
  const list = document.createElement("ul");
  list.className = "iml-legend";
  for (const [name, text, kind = "line"] of entries) {
    const item = document.createElement("li");
    const attributes = { viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" };
    item.append(s("svg", attributes, swatch(name, kind)), text);
    list.append(item);
  }
  return list;
}
