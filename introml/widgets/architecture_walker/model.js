// What follows from a network's description: the shape after each layer, its parameters, its
// multiply–accumulates (MACs), and how far one of its outputs sees.

import { NETWORKS } from "./architectures.js";

/** @import { Conv, Pool, Simple, Block, Layer, Network } from "./architectures.js" */

/**
 * Maps of channels × size × size. Cell 0 of a map reads the input from `start` on, `field` cells wide
 * (padding counts); the next cell reads `jump` cells further on.
 * @typedef {{ channels: number, size: number, flat: boolean, start: number, field: number,
 *   jump: number }} Maps
 * @typedef {{ layer: Layer, before: Maps, after: Maps, parameters: number, macs: number,
 *   parts: Row[] }} Row one layer; `parts` are those of a block, branch by branch
 */

/**
 * ⌊(n + 2p − k)/s⌋ + 1, or ⌈…⌉ less a window that would start behind the input and its padding.
 * @param {number} n
 * @param {{ k: number, s?: number, p?: number, ceil?: boolean }} window
 */
export function sizeAfter(n, { k, s = 1, p = 0, ceil = false }) {
  const room = n + 2 * p - k;
  let size = (ceil ? Math.ceil(room / s) : Math.floor(room / s)) + 1;
  if (ceil && (size - 1) * s >= n + p) size -= 1;
  if (size < 1) throw new Error(`a window of ${k} does not fit into ${n} + 2 · ${p} cells`);
  return size;
}

/**
 * What a window that slides makes of the place and the width that a cell sees.
 * @param {Maps} maps
 * @param {{ k: number, s?: number, p?: number }} window
 */
const seen = ({ start, field, jump }, { k, s = 1, p = 0 }) => ({
  start: start - p * jump,
  field: field + (k - 1) * jump,
  jump: jump * s,
});

/** @type {(layer: Conv, channels: number) => number} */
const convParameters = ({ out, k, bias = true, norm = false }, channels) =>
  k * k * channels * out + (bias ? out : 0) + (norm ? 2 * out : 0);

/**
 * @param {Simple} layer
 * @param {Maps} before
 * @returns {Row}
 */
function simpleRow(layer, before) {
  const { channels, size } = before;
  const row = { layer, before, parameters: 0, macs: 0, parts: [] };
  if (layer.kind === "global" || layer.kind === "dense") {
    // Both read the whole map: a window as large as it.
    const after = { ...before, ...seen(before, { k: size }), size: 1 };
    if (layer.kind === "global") return { ...row, after };
    const weights = channels * size * size * layer.out;
    return {
      ...row,
      after: { ...after, channels: layer.out, flat: true },
      parameters: weights + layer.out,
      macs: weights,
    };
  }
  const after = { ...before, ...seen(before, layer), size: sizeAfter(size, layer) };
  if (layer.kind !== "conv") return { ...row, after };
  const { k, out } = layer;
  return {
    ...row,
    after: { ...after, channels: out },
    parameters: convParameters(layer, channels),
    macs: k * k * channels * out * after.size * after.size,
  };
}

/**
 * @param {Maps[]} ends what the branches give
 * @param {"stack" | "add"} join
 * @returns {Maps}
 */
function joined(ends, join) {
  const [first] = ends;
  const alike = ends.every(
    ({ size, channels }) =>
      size === first.size && (join === "stack" || channels === first.channels),
  );
  if (!alike) throw new Error("the branches of a block give maps that do not fit together");
  const start = Math.min(...ends.map((end) => end.start));
  const end = Math.max(...ends.map((one) => one.start + one.field));
  const channels = ends.reduce((sum, one) => sum + one.channels, 0);
  return {
    ...first,
    start,
    field: end - start,
    channels: join === "stack" ? channels : first.channels,
  };
}

/**
 * @param {Block} layer
 * @param {Maps} before
 * @returns {Row}
 */
function blockRow(layer, before) {
  /** @type {Row[]} */
  const parts = [];
  const ends = layer.branches.map((branch) => {
    let maps = before;
    for (const part of branch) {
      const row = simpleRow(part, maps);
      parts.push(row);
      maps = row.after;
    }
    return maps;
  });
  return {
    layer,
    before,
    after: joined(ends, layer.join),
    parameters: parts.reduce((sum, part) => sum + part.parameters, 0),
    macs: parts.reduce((sum, part) => sum + part.macs, 0),
    parts,
  };
}

/**
 * Every layer of a network, with what goes in, what comes out and what it costs.
 * @param {Network} network
 * @returns {Row[]}
 */
export function measure({ channels, size, layers }) {
  /** @type {Maps} */
  let maps = { channels, size, flat: false, start: 0, field: 1, jump: 1 };
  return layers.map((layer) => {
    const row = layer.kind === "block" ? blockRow(layer, maps) : simpleRow(layer, maps);
    maps = row.after;
    return row;
  });
}

/** @param {string} name */
export const walk = (name) => measure(NETWORKS[name]);

/** @param {string} name */
export const networkOf = (name) => NETWORKS[name];

/**
 * What a row's colour says: whether it convolves, pools or is dense.
 * @param {Row} row
 * @returns {"conv" | "pool" | "dense"}
 */
export function family({ layer }) {
  if (layer.kind === "dense") return "dense";
  return layer.kind === "conv" || layer.kind === "block" ? "conv" : "pool";
}

/**
 * Sums over the network: all, and those of its convolutions (blocks among them).
 * @param {Row[]} rows
 */
export function totals(rows) {
  /** @type {(of: Row[], what: "parameters" | "macs") => number} */
  const sum = (of, what) => of.reduce((total, row) => total + row[what], 0);
  const convolving = rows.filter((row) => family(row) === "conv");
  return {
    parameters: sum(rows, "parameters"),
    macs: sum(rows, "macs"),
    convParameters: sum(convolving, "parameters"),
    convMacs: sum(convolving, "macs"),
  };
}
