// A grid of numbers in SVG: tinted cells, roving focus, and an editor that opens over a cell.

import { h, s, setAttributes } from "../kit/index.js";
import { isExact, shortNumber } from "../maths/short.js";

const SMALLEST_TEXT = 7.5;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** How numbers go into cells of this size: { decimals, size, rounded }; size 0 hides them. */
export function fitText(values, cell) {
  const finite = values.flat().filter((value) => value !== null);
  const largest = largestOf(values);
  for (const decimals of [2, 1, 0]) {
    // Rounding may not eat what matters: 0.25 is not shown as 0.
    if (largest < 10 ** (1 - decimals) && decimals < 2 && !finite.every(Number.isInteger)) break;
    const longest = Math.max(1, ...finite.map((value) => shortNumber(value, decimals).length));
    const size = Math.min(17, 0.46 * cell, (cell - 3) / (0.58 * longest));
    if (size >= Math.max(SMALLEST_TEXT, decimals === 0 ? 0 : Math.min(12, 0.24 * cell))) {
      const whole = finite.every(
        (value) => isExact(value) && shortNumber(value, decimals) === shortNumber(value),
      );
      return { decimals, size, rounded: !whole };
    }
  }
  return { decimals: 2, size: 0, rounded: false };
}

/** The square and the text of one cell. */
export function cellNode(attributes) {
  return s(
    "g",
    { class: "iml-cell", ...attributes },
    s("rect", {}),
    s("text", { "text-anchor": "middle" }),
  );
}

/** What was painted last: a browser lays text out anew whenever it is set, even to the same. */
const painted = new WeakMap();

/** Blue above 0, orange below; fainter where a number must stay readable on it. */
export function paintCell(node, { x, y, cell, value, largest, text }) {
  const strength = value === null || !Number.isFinite(value) ? 0 : Math.abs(value) / (largest || 1);
  const shown = text.size && value !== null ? shortNumber(value, text.decimals) : "";
  const next = {
    place: `translate(${x.toFixed(2)} ${y.toFixed(2)})`,
    cell,
    opacity: (strength * (text.size ? 0.42 : 0.95)).toFixed(3),
    color: value < 0 ? "orange" : "blue",
    size: text.size,
    shown,
  };
  const last = painted.get(node) ?? {};
  painted.set(node, next);
  const [square, label] = node.children;
  if (next.place !== last.place) node.setAttribute("transform", next.place);
  if (next.cell !== last.cell) {
    setAttributes(square, { width: cell.toFixed(2), height: cell.toFixed(2) });
  }
  if (next.opacity !== last.opacity) square.setAttribute("fill-opacity", next.opacity);
  if (next.color !== last.color) square.style.setProperty("fill", `var(--iml-${next.color})`);
  if (next.cell !== last.cell || next.size !== last.size) {
    setAttributes(label, {
      x: (cell / 2).toFixed(2),
      y: (cell / 2 + text.size * 0.35).toFixed(2),
      style: { "font-size": `${text.size.toFixed(1)}px` },
    });
  }
  if (next.shown !== last.shown) label.textContent = shown;
}

export const largestOf = (values) =>
  Math.max(0, ...values.flat().filter(Number.isFinite).map(Math.abs));

/**
 * onpoint hears of the cell that the pointer is over or the focus on. Without onedit the cells are read only.
 * @param {object} options
 * @param {(i: number, j: number, value: number | null, written: string) => string} options.describe
 * @param {(i: number, j: number) => void} [options.onpoint]
 * @param {(i: number, j: number, typed: string | null) => void} [options.onedit]
 */
export function numberGrid({ describe, onpoint, onedit }) {
  const node = s("g", { role: "grid", "aria-readonly": String(!onedit) });
  let cells = [];
  let current = [0, 0];
  let box = { x: 0, y: 0, cell: 0 };

  /** @type {(event: any) => [number, number] | null} */
  const positionOf = (event) => {
    const found = event.target.closest?.("[data-cell]");
    return found ? found.getAttribute("data-cell").split(" ").map(Number) : null;
  };

  function rebuild(rows, columns) {
    cells = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_, j) =>
        cellNode({ role: "gridcell", "data-cell": `${i} ${j}`, tabindex: -1 }),
      ),
    );
    node.replaceChildren(...cells.map((row) => s("g", { role: "row" }, row)));
  }

  function choose(i, j) {
    cells[current[0]]?.[current[1]]?.setAttribute("tabindex", "-1");
    current = [
      Math.max(0, Math.min(cells.length - 1, i)),
      Math.max(0, Math.min(cells[0].length - 1, j)),
    ];
    cells[current[0]][current[1]].setAttribute("tabindex", "0");
    if (onedit) return;
    // Where nothing can be typed, the cell with the focus is the one that is described.
    for (const node of cells.flat()) node.removeAttribute("aria-selected");
    cells[current[0]][current[1]].setAttribute("aria-selected", "true");
  }

  function focus(i, j) {
    choose(i, j);
    cells[current[0]][current[1]].focus({ preventScroll: true });
  }

  node.addEventListener("focusin", (event) => {
    const at = positionOf(event);
    if (!at) return;
    choose(...at);
    onpoint?.(...at);
  });
  node.addEventListener("pointerover", (event) => {
    const at = positionOf(event);
    if (at) onpoint?.(...at);
  });
  node.addEventListener("click", (event) => {
    const at = positionOf(event);
    if (!at) return;
    focus(...at);
    onedit?.(...at, null);
  });
  node.addEventListener("keydown", (event) => {
    const [i, j] = positionOf(event) ?? current;
    const end = [cells.length - 1, cells[0].length - 1];
    if (STEPS[event.key]) focus(i + STEPS[event.key][0], j + STEPS[event.key][1]);
    else if (event.key === "Home") focus(event.ctrlKey ? 0 : i, 0);
    else if (event.key === "End") focus(event.ctrlKey ? end[0] : i, end[1]);
    else if (onedit && (event.key === "Enter" || event.key === "F2")) onedit(i, j, null);
    else if (onedit && (event.key === "Delete" || event.key === "Backspace")) onedit(i, j, "");
    else if (onedit && /^[0-9.,−-]$/.test(event.key) && !event.ctrlKey && !event.metaKey) {
      onedit(i, j, event.key);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const grid = {
    node,
    /** Whether the cells show their values in full. */
    readable: true,
    focus,
    choose,
    /** Where cell [i, j] lies, in the pixels of the drawing. */
    box: (i, j) => ({ x: box.x + j * box.cell, y: box.y + i * box.cell, cell: box.cell }),
    draw({ x, y, cell }, values, label, text = fitText(values, cell)) {
      box = { x, y, cell };
      grid.readable = text.size > 0 && !text.rounded;
      if (cells.length !== values.length || cells[0]?.length !== values[0].length) {
        rebuild(values.length, values[0].length);
        choose(...current);
      }
      node.setAttribute("aria-label", label);
      const largest = largestOf(values);
      for (const [i, row] of values.entries()) {
        for (const [j, value] of row.entries()) {
          const each = cells[i][j];
          paintCell(each, { x: x + j * cell, y: y + i * cell, cell, value, largest, text });
          const written = text.size && value !== null ? shortNumber(value, text.decimals) : "";
          const name = describe(i, j, value, written);
          if (each.getAttribute("aria-label") !== name) each.setAttribute("aria-label", name);
        }
      }
      return text;
    },
  };
  return grid;
}

/**
 * The one text field that opens over a cell. open({ x, y, cell }, { value, typed }, label, { commit, back, move })
 * where `typed` is what the reader has typed already, or null;
 * commit(text) takes what was typed, back() returns the focus, move(rows) goes to a cell above or below.
 */
export function cellEditor() {
  const node = h("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    class: "iml-cell-editor",
    hidden: true,
    "aria-label": "Value of the cell",
  });
  /** @type {{ commit: (text: string) => void, back: () => void, move: (rows: number) => void } | null} */
  let actions = null;
  const close = (keep) => {
    const last = actions;
    actions = null; // first, since hiding the field blurs it
    node.hidden = true;
    if (keep) last?.commit(node.value);
    return last;
  };
  node.addEventListener("blur", () => actions && close(true));
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter") close(true)?.back();
    else if (event.key === "Escape") close(false)?.back();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      close(true)?.move(event.key === "ArrowUp" ? -1 : 1);
    } else if (event.key === "Tab") {
      // From the cell, not from this field, the browser then goes on.
      close(true)?.back();
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    node,
    open({ x, y, cell }, text, label, given) {
      if (actions) close(true);
      actions = given;
      const width = Math.max(cell, 52);
      const height = Math.max(cell, 28);
      node.style.left = `${x + (cell - width) / 2}px`;
      node.style.top = `${y + (cell - height) / 2}px`;
      node.style.width = `${width}px`;
      node.style.height = `${height}px`;
      node.setAttribute("aria-label", label);
      node.hidden = false;
      node.value = text.typed ?? text.value;
      node.focus({ preventScroll: true });
      if (text.typed === null) node.select();
    },
  };
}
