// The pad: 28 × 28 pixels that a pointer or the keyboard draws on.

import { h, picture, pointerPosition, s, setAttributes } from "../kit/index.js";
import { SIDE, shades, stroke } from "./picture.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ERASER = 2;

/** Draw values from 0 to 1 as at most 16 paths, one for each shade. */
export function ink(group, values) {
  group.replaceChildren(
    ...shades(values).map(([shade, path]) =>
      s("path", { d: path, "fill-opacity": shade, style: { fill: "var(--iml-ink)" } }),
    ),
  );
}

/**
 * pad(ui, { cell, get: () => pixels, set: (pixels) => …, erase: () => boolean })
 * Returns { nodes, evidence, redraw(pale) }: `evidence` is a layer over the ink, in pixels of the picture.
 */
export function pad(ui, { cell, get, set, erase }) {
  const size = SIDE * cell;
  const help = `${ui.id("pad")}-help`;
  const svg = picture({
    width: size,
    height: size,
    role: "application",
    label: "Drawing pad, 28 by 28 pixels",
  });
  setAttributes(svg, {
    class: "iml-picture iml-draw-digit-pad",
    tabindex: 0,
    "aria-describedby": help,
  });
  const unit = { transform: `scale(${cell})` };
  const drawn = s("g", { ...unit, "shape-rendering": "crispEdges" });
  const inside = s("clipPath", { id: ui.id("pad-clip") }, s("rect", { width: SIDE, height: SIDE }));
  const clip = `url(#${inside.id})`;
  const evidence = s("g", { ...unit, "clip-path": clip, "aria-hidden": "true" });
  const cursor = s("rect", { class: "iml-draw-digit-cursor", width: 1, height: 1 });
  svg.append(
    inside,
    s("rect", { class: "iml-draw-digit-paper", width: size, height: size }),
    drawn,
    evidence,
    s("g", unit, cursor),
  );
  const heard = h("p", { class: "iml-hidden", role: "status" });
  const hint = h("p", { class: "iml-draw-digit-hint", id: help });

  const paint = (from, to) => set(stroke(get(), from, to, erase() ? ERASER : undefined, erase()));

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    svg.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    const place = (moved) => pointerPosition(svg, moved).map((value) => value / cell);
    let last = place(event);
    paint(last, last);
    const move = (moved) => {
      const next = place(moved);
      paint(last, next);
      last = next;
    };
    const stop = () => {
      svg.removeEventListener("pointermove", move);
      svg.removeEventListener("pointerup", stop);
      svg.removeEventListener("pointercancel", stop);
    };
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerup", stop);
    svg.addEventListener("pointercancel", stop);
  });

  let [column, row] = [8, 6];
  let lowered = false;
  const centre = () => [column + 0.5, row + 0.5];
  function say() {
    setAttributes(cursor, { x: column, y: row, "data-lowered": lowered });
    const inked = get()[row * SIDE + column] >= 128 ? "ink" : "paper";
    heard.textContent = `Row ${row + 1}, column ${column + 1}, ${inked}; ${erase() ? "eraser" : "pen"} ${lowered ? "down" : "up"}`;
  }
  svg.addEventListener("keydown", (event) => {
    const from = centre();
    const many = event.shiftKey ? 5 : 1;
    if (ARROWS[event.key]) {
      const [dx, dy] = ARROWS[event.key];
      column = Math.min(SIDE - 1, Math.max(0, column + dx * many));
      row = Math.min(SIDE - 1, Math.max(0, row + dy * many));
    } else if (event.key === "Home") column = 0;
    else if (event.key === "End") column = SIDE - 1;
    else if (event.key === " ") lowered = !lowered;
    else if (event.key === "Escape") lowered = false;
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (lowered) paint(from, centre());
    say();
  });
  svg.addEventListener("focus", say);
  svg.addEventListener("blur", () => {
    lowered = false;
    heard.textContent = "";
  });
  setAttributes(cursor, { x: column, y: row });

  return {
    nodes: [svg, hint, heard],
    evidence,
    /** The ink pales where evidence lies over it. */
    redraw(pale) {
      setAttributes(drawn, { opacity: pale ? 0.35 : null });
      const [does, pen] = erase() ? ["Erase", "eraser"] : ["Draw", "pen"];
      hint.textContent = `${does} here. With the keyboard, arrows move and Space lowers or lifts the ${pen}.`;
      ink(
        drawn,
        get().map((value) => value / 255),
      );
    },
  };
}
