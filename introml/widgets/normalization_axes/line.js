// The numbers of one group on a line, and below it what becomes of them.

import { fixed } from "../kit/format.js";
import { s, setAttributes } from "../kit/index.js";

const STYLE = "iml-normalization";
const [TOP, BOTTOM, HEIGHT] = [30, 92, 120];
const [LEFT, RIGHT] = [58, 26];
const REACH = 3.2;

/**
 * @param {number} width
 * @returns {{ node: SVGElement, draw: (own: number[], results: number[], picked: number,
 *   mean: number, spread: number) => void }}
 */
export function numberLines(width) {
  const node = s("svg", {
    class: "iml-picture",
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: "img",
    style: { width: `${width}px`, height: `${HEIGHT}px` },
  });

  function axis(y, name, toX, ticks) {
    return s(
      "g",
      { class: "iml-axes", "aria-hidden": "true" },
      s("text", { x: 0, y: y + 4, class: "iml-axis-label" }, name),
      s("line", { x1: LEFT - 6, x2: width - RIGHT + 6, y1: y, y2: y }),
      ticks.flatMap((value) => [
        s("line", { x1: toX(value), x2: toX(value), y1: y - 4, y2: y + 4 }),
        s(
          "text",
          { x: toX(value), y: y + (y === TOP ? -12 : 20), "text-anchor": "middle" },
          fixed(value, Number.isInteger(value) ? 0 : 1),
        ),
      ]),
    );
  }

  function draw(own, results, picked, mean, spread) {
    const [low, high] = [Math.min(0, ...own), Math.max(9, ...own)];
    const between = (from, to) => (value) =>
      LEFT + ((value - from) / (to - from)) * (width - RIGHT - LEFT);
    const before = between(low, high);
    const far = Math.max(REACH, ...results.map(Math.abs));
    const after = between(-far, far);
    const middle = (low + high) / 2;
    const whole = Math.floor(far);
    const [bandLeft, bandRight] = [mean - spread, mean + spread].map((value) =>
      Math.min(width - RIGHT, Math.max(LEFT, before(value))),
    );
    node.replaceChildren(
      s("rect", {
        class: `${STYLE}-band`,
        x: bandLeft,
        width: Math.max(1, bandRight - bandLeft),
        y: TOP - 7,
        height: 14,
      }),
      s("rect", {
        class: `${STYLE}-band`,
        x: after(-1),
        width: after(1) - after(-1),
        y: BOTTOM - 7,
        height: 14,
      }),
      axis(TOP, "before", before, [low, middle, high]),
      axis(BOTTOM, "after", after, [-whole, -1, 0, 1, whole]),
      ...own.map((value, i) =>
        s("line", {
          class: i === picked ? `${STYLE}-way ${STYLE}-picked` : `${STYLE}-way`,
          x1: before(value),
          y1: TOP,
          x2: after(results[i]),
          y2: BOTTOM,
        }),
      ),
      s("line", {
        class: `${STYLE}-mean`,
        x1: before(mean),
        x2: after(0),
        y1: TOP,
        y2: BOTTOM,
      }),
      ...own.flatMap((value, i) =>
        [
          [before(value), TOP],
          [after(results[i]), BOTTOM],
        ].map(([cx, cy]) =>
          s("circle", {
            class: i === picked ? `${STYLE}-dot ${STYLE}-picked` : `${STYLE}-dot`,
            cx,
            cy,
            r: i === picked ? 6 : 4.5,
          }),
        ),
      ),
    );
    setAttributes(node, {
      "aria-label":
        `${own.length} numbers from ${fixed(Math.min(...own), 1)} to ` +
        `${fixed(Math.max(...own), 1)} are moved to ${fixed(Math.min(...results))} to ` +
        `${fixed(Math.max(...results))}`,
    });
  }
  return { node, draw };
}
