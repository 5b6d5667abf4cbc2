// The ranges of the learning rate as a strip: what each does on this loss, and where η stands.

import { picture, s, significant } from "../kit/index.js";

const NAMES = ["creeps", "converges", "oscillates", "diverges"];
const TINTS = ["control", "good", "good", "bad"];
const OPACITY = [0.3, 0.32, 0.16, 0.18];
const [TOP, THICK, HEIGHT] = [14, 24, 58];
const BEYOND_BOUND = 1.5; // the strip ends at this multiple of 2/λmax
const NARROW = 440; // two labels with their numbers do not fit side by side
const LETTER = 6.6; // pixels, of a 13-pixel label
const [LEFT, RIGHT] = [6, 14]; // room for half a tick label at 0 and for the mark's arrow

/** ranges({ width }) -> { svg, update({ borders, rate, verdict }) } */
export function ranges({ width }) {
  const svg = picture({
    width,
    height: HEIGHT,
    label: "The ranges of the learning rate: creeps, converges, oscillates, diverges",
  });

  function update({ borders, rate, verdict }) {
    const end = BEYOND_BOUND * borders[2];
    const at = (value) => LEFT + ((width - LEFT - RIGHT) * value) / end;
    const edges = [0, ...borders, end];
    const parts = [];
    for (const [i, name] of NAMES.entries()) {
      const [from, to] = [at(edges[i]), at(edges[i + 1])];
      const style = { fill: `var(--iml-${TINTS[i]})` };
      const place = { x: from, y: TOP, width: to - from, height: THICK };
      parts.push(s("rect", { ...place, style, "fill-opacity": OPACITY[i] }));
      if (to - from < name.length * LETTER + 4) continue;
      const label = { x: (from + to) / 2, y: TOP + THICK / 2 + 4.5, "text-anchor": "middle" };
      parts.push(s("text", { ...label, "font-weight": name === verdict ? 700 : 400 }, name));
    }
    const ticks = [
      [0, "0", "start"],
      [borders[1], width < NARROW ? "1/λmax" : `1/λmax = ${significant(borders[1], 3)}`, "middle"],
      [borders[2], `2/λmax = ${significant(borders[2], 3)}`, "middle"],
    ];
    for (const [value, text, anchor] of ticks) {
      const x = at(value);
      const line = { x1: x, x2: x, y1: TOP, y2: TOP + THICK + 5, "stroke-width": 1.5 };
      parts.push(s("line", { ...line, style: { stroke: "var(--iml-ink)" } }));
      const place = { x: anchor === "start" ? x - 3 : x, y: HEIGHT - 3, "text-anchor": anchor };
      parts.push(s("text", { ...place, style: { "font-size": "12px" } }, text));
    }
    // The mark stands above the strip; past its end, it is an arrow that points on.
    const x = at(Math.min(rate, end));
    const ink = { fill: "var(--iml-accent)", stroke: "var(--iml-accent)" };
    if (rate <= end) {
      parts.push(s("path", { d: `M${x - 6} ${TOP - 10}h12l-6 12z`, style: ink }));
    } else {
      const middle = TOP + THICK / 2;
      parts.push(s("path", { d: `M${x + 2} ${middle - 6}v12l10 -6z`, style: ink }));
    }
    svg.replaceChildren(...parts);
  }
  return { svg, update };
}
