// A grid or a list with one tab stop: arrow keys, Home and End move the choice inside it.

import { setAttributes } from "./dom.js";

/**
 * roving(nodes, { columns, current: () => index, choose: (index) => …, clear })
 * `nodes` lie row by row, `columns` in a row (1: a list that every arrow key walks). Home and End go
 * to the ends of the row, with Ctrl to the first and last of all. Enter and Space choose the node
 * that has the focus; Escape calls `clear` where it is given. When nothing is chosen (−1), the first
 * node takes the tab stop. Call the returned function to redraw.
 * @param {SVGElement[]} nodes
 * @param {{ columns?: number, current: () => number, choose: (index: number) => void,
   clear?: (() => void) | null }} options
 */
export function roving(nodes, { columns = 1, current, choose, clear = null }) {
  /** @type {Record<string, number>} */
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };

  /**
   * @param {string} key
   * @param {boolean} all
   * @param {number} at
   */
  function target(key, all, at) {
    if (key === "Home" || key === "End") {
      const whole = all || columns === 1;
      const first = whole ? 0 : at - (at % columns);
      const last = Math.min(nodes.length, whole ? nodes.length : first + columns) - 1;
      return key === "Home" ? first : last;
    }
    const to = at + steps[key];
    const leavesRow =
      columns > 1 &&
      Math.abs(steps[key]) === 1 &&
      ((to % columns) + columns) % columns === (steps[key] < 0 ? columns - 1 : 0);
    return leavesRow || to < 0 || to >= nodes.length ? at : to;
  }

  for (const [index, node] of nodes.entries()) {
    node.addEventListener("click", () => choose(index));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && clear) clear();
      else if (event.key === "Enter" || event.key === " ") choose(index);
      else if (event.key in steps || event.key === "Home" || event.key === "End") {
        const to = target(event.key, event.ctrlKey, index);
        choose(to);
        nodes[to].focus({ preventScroll: true });
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
  return function redraw() {
    const chosen = current();
    for (const [index, node] of nodes.entries()) {
      setAttributes(node, {
        tabindex: index === Math.max(0, chosen) ? 0 : -1,
        "aria-selected": String(index === chosen),
      });
    }
  };
}
