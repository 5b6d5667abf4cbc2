// Where the boxes of a graph stand: one layer for each step that must wait for the last, and leaves
// right before what uses them.

/** @import { Graph } from "./grammar.js" */

export const BOX = { width: 76, height: 58 };
/** From one layer to the next and from one row to the next: along the page, and down it. */
const ACROSS = { layer: BOX.width + 56, row: BOX.height + 14 };
const DOWN = { layer: BOX.height + 38, row: BOX.width + 10 };
const EDGE = 3;
/** A small graph is drawn larger, but not so that it fills a screen. */
const LARGEST_SCALE = 1.5;
const TALLEST = 400;

/**
 * @typedef {object} Layout
 * @property {{ x: number, y: number }[]} places the middle of each box
 * @property {number} width
 * @property {number} height
 * @property {number} scale below 1 where the graph is larger than the space, above where it is small
 * @property {boolean} across whether the arrows run to the right; else down
 */

/**
 * The layer of each node: operators after their inputs, leaves just before their first use.
 * @param {Graph} graph
 */
export function layersOf({ nodes }) {
  /** @type {number[]} */
  const layers = [];
  for (const { inputs } of nodes) {
    layers.push(inputs.length ? 1 + Math.max(...inputs.map((input) => layers[input])) : 0);
  }
  for (const [node, { inputs }] of nodes.entries()) {
    if (inputs.length) continue;
    const uses = layers.filter((_, user) => nodes[user].inputs.includes(node));
    if (uses.length) layers[node] = Math.min(...uses) - 1;
  }
  return layers;
}

/**
 * The leaves in the order in which one meets them, walking back from the result; what it does not
 * use comes last.
 * @param {Graph} graph
 */
function leavesInOrder({ nodes, result }) {
  /** @type {number[]} */
  const found = [];
  const seen = new Set();
  const visit = (/** @type {number} */ node) => {
    if (seen.has(node)) return;
    seen.add(node);
    if (!nodes[node].inputs.length) found.push(node);
    for (const input of nodes[node].inputs) visit(input);
  };
  visit(result);
  for (const node of nodes.keys()) visit(node);
  return found;
}

/**
 * The row of each node: leaves one below the other, operators in the middle of their inputs, moved
 * down where two of a layer would touch.
 * @param {Graph} graph
 * @param {number[]} layers
 */
export function rowsOf(graph, layers) {
  /** @type {number[]} */
  const rows = Array(graph.nodes.length).fill(0);
  for (const [row, leaf] of leavesInOrder(graph).entries()) rows[leaf] = row;
  for (let layer = 0; layer <= Math.max(...layers); layer += 1) {
    const here = [...graph.nodes.keys()].filter((node) => layers[node] === layer);
    for (const node of here) {
      const { inputs } = graph.nodes[node];
      const sum = inputs.reduce((total, input) => total + rows[input], 0);
      if (inputs.length) rows[node] = sum / inputs.length;
    }
    here.sort((one, other) => rows[one] - rows[other]);
    for (let i = 1; i < here.length; i += 1) {
      rows[here[i]] = Math.max(rows[here[i]], rows[here[i - 1]] + 1);
    }
  }
  const least = Math.min(...rows);
  return rows.map((row) => row - least);
}

/**
 * @param {Graph} graph
 * @param {number} width pixels
 * @returns {Layout}
 */
export function layOut(graph, width) {
  const layers = layersOf(graph);
  const rows = rowsOf(graph, layers);
  const first = Math.min(...layers);
  const [columns, lines] = [Math.max(...layers) - first, Math.max(...rows)];
  const size = (
    /** @type {number} */ steps,
    /** @type {number} */ pitch,
    /** @type {number} */ box,
  ) => steps * pitch + box + 2 * EDGE;
  const wide = size(columns, ACROSS.layer, BOX.width);
  const tall = size(lines, DOWN.row, BOX.width);
  const across = wide <= width || (tall > width && wide <= 1.4 * tall);
  const places = rows.map((row, node) => {
    const layer = layers[node] - first;
    const [x, y] = across
      ? [layer * ACROSS.layer, row * ACROSS.row]
      : [row * DOWN.row, layer * DOWN.layer];
    return { x: x + EDGE + BOX.width / 2, y: y + EDGE + BOX.height / 2 };
  });
  const own = across
    ? { width: wide, height: size(lines, ACROSS.row, BOX.height) }
    : { width: tall, height: size(columns, DOWN.layer, BOX.height) };
  const most = Math.max(1, Math.min(LARGEST_SCALE, TALLEST / own.height));
  return { places, ...own, scale: Math.min(width / own.width, most), across };
}
