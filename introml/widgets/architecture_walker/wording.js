// What a layer says of itself: how its numbers come about.

import { percent, significant, thousands } from "../kit/format.js";
import { totals } from "./model.js";

/** @import { Layer, Conv, Pool, Simple } from "./architectures.js" */
/** @import { Maps, Row } from "./model.js" */

const WORDS = {
  conv: "Convolution",
  max: "Max pooling",
  mean: "Mean pooling",
  dense: "Dense layer",
};

/**
 * The layers' names, those of a kind numbered where there are several.
 * @param {Layer[]} layers
 */
export function namesOf(layers) {
  /** @type {Record<string, number>} */
  const counts = {};
  return layers.map((layer) => {
    if (layer.kind === "block") return layer.name;
    if (layer.kind === "global") return "Mean of each map";
    counts[layer.kind] = (counts[layer.kind] ?? 0) + 1;
    return `${WORDS[layer.kind]} ${counts[layer.kind]}`;
  });
}

/** @param {Maps} maps */
export const shapeOf = ({ channels, size, flat }) =>
  flat ? thousands(channels) : `${channels} × ${size} × ${size}`;

/**
 * "5·5·6·16": the weights of a convolution or a dense layer.
 * @param {Row} row
 */
function weights({ layer, before }) {
  if (layer.kind === "dense") {
    const { channels, size } = before;
    return `${size > 1 ? `${channels}·${size}·${size}` : channels}·${layer.out}`;
  }
  const { k, out } = /** @type {Conv} */ (layer);
  return `${k}·${k}·${before.channels}·${out}`;
}

/**
 * How the parameters come about, without their sum: "5·5·6·16 + 16". Empty where there are none.
 * @param {Row} row
 */
export function parameterSum(row) {
  const { layer } = row;
  if (layer.kind === "dense") return `${weights(row)} + ${layer.out}`;
  if (layer.kind !== "conv") return "";
  const { out, bias = true, norm = false } = layer;
  return `${weights(row)}${bias ? ` + ${out}` : ""}${norm ? ` + 2·${out}` : ""}`;
}

/**
 * How the MACs come about: "5·5·6·16 · 10·10". Empty where there are none.
 * @param {Row} row
 */
export function macProduct(row) {
  if (row.layer.kind === "dense") return weights(row);
  if (row.layer.kind !== "conv") return "";
  const { size } = row.after;
  return size > 1 ? `${weights(row)} · ${size}·${size}` : weights(row);
}

/**
 * How the size comes about: "⌊(28 + 2·2 − 5)/1⌋ + 1"; the simplest form that is right.
 * @param {Row} row
 */
export function sizeRule({ layer, before }) {
  const { k, s = 1, p = 0 } = /** @type {Conv | Pool} */ (layer);
  const room = `${before.size}${p ? ` + 2·${p}` : ""} − ${k}`;
  if (s === 1) return `${room} + 1`;
  return "ceil" in layer && layer.ceil ? `⌈(${room})/${s}⌉ + 1` : `⌊(${room})/${s}⌋ + 1`;
}

/**
 * What a layer is, in a few words.
 * @param {Simple} layer
 * @param {Maps} before
 */
function kindOf(layer, before) {
  switch (layer.kind) {
    case "conv": {
      const stride = (layer.s ?? 1) > 1 ? `, stride ${layer.s}` : "";
      return `${layer.out} kernels of ${before.channels} × ${layer.k} × ${layer.k}${stride}`;
    }
    case "dense":
      return `${thousands(layer.out)} weighted sums of all ${thousands(before.channels * before.size ** 2)} numbers`;
    case "global":
      return `the mean of each ${before.size} × ${before.size} map`;
    default: {
      const what = layer.kind === "max" ? "largest" : "mean";
      return `the ${what} of each ${layer.k} × ${layer.k} window, stride ${layer.s}`;
    }
  }
}

/** @param {number} count a large one short: "15 billion" reads more easily than all its digits */
export function short(count) {
  for (const [size, word] of /** @type {const} */ ([
    [1e9, "billion"],
    [1e6, "million"],
  ])) {
    if (count >= size) return `${significant(count / size, 3)} ${word}`;
  }
  return thousands(count);
}

/**
 * A share of the whole: with a decimal where whole percents would say 0 or 100 of what is neither.
 * @param {number} part
 */
export function share(part, whole = 1) {
  const percents = (100 * part) / whole;
  if (percents > 0 && percents < 0.05) return "under 0.1%";
  return percent(part / whole, percents < 9.95 || (percents > 99 && percents < 100) ? 1 : 0);
}

/**
 * What of the picture one output sees.
 * @param {Maps} maps
 * @param {number} size of the picture
 */
function sees({ field }, size) {
  if (field >= size)
    return `One output sees the whole picture (${field} cells across, padding included).`;
  return `One output sees ${field} × ${field} of the ${size} × ${size} pixels.`;
}

/**
 * A part of a block in one line.
 * @param {Row} part
 */
export function partLine(part) {
  const layer = /** @type {Simple} */ (part.layer);
  const { s = 1 } = /** @type {Conv | Pool} */ (layer);
  if (layer.kind !== "conv") return `max pooling of 3 × 3, stride 1: no parameters`;
  const name = `${layer.k} × ${layer.k}${s > 1 ? `, stride ${s}` : ""}, to ${shapeOf(part.after)}`;
  return `${name}: ${parameterSum(part)} = ${thousands(part.parameters)} parameters; ${short(part.macs)} MACs`;
}

/**
 * The network as a whole.
 * @param {string} name
 * @param {Row[]} rows
 */
function opening(name, rows) {
  const { parameters, macs } = totals(rows);
  const { before } = rows[0];
  const colours = before.channels === 1 ? "grey" : "coloured (three channels)";
  return (
    `The picture that goes into ${name}: ${before.size} × ${before.size}, ${colours}. ` +
    `In all, the network has ${thousands(parameters)} parameters and does ` +
    `${short(macs)} MACs for one picture, which are ${short(2 * macs)} FLOPs.`
  );
}

/**
 * @param {Row} row
 * @param {string} name
 */
function sentence(row, name) {
  const { layer, before, after, parameters, macs } = row;
  if (layer.kind === "block") {
    const how = layer.join === "stack" ? "stacked along the channels" : "added";
    return `${name}, to ${shapeOf(after)}: the outputs of its branches are ${how}.`;
  }
  const resized = layer.kind === "conv" || layer.kind === "max" || layer.kind === "mean";
  const rule = resized ? `, since ${sizeRule(row)} = ${after.size}` : "";
  const made = `${name}: ${kindOf(layer, before)}. Output ${shapeOf(after)}${rule}.`;
  if (parameters === 0) return `${made} Nothing to learn, no MACs.`;
  return (
    `${made} Parameters: ${parameterSum(row)} = ${thousands(parameters)}. ` +
    `MACs: ${macProduct(row)} = ${thousands(macs)}; FLOPs: twice that.`
  );
}

/**
 * The sentences below the picture.
 * @param {string} name of the network
 * @param {Row[]} rows
 * @param {number} step 0 is the picture
 */
export function describe(name, rows, step) {
  if (step === 0) return opening(name, rows);
  const row = rows[step - 1];
  const all = totals(rows);
  const label = namesOf(rows.map(({ layer }) => layer))[step - 1];
  const costs = row.parameters > 0 ? ` ${layerShares(row, all)}` : "";
  const end =
    step === rows.length
      ? ` In all, ${share(all.convParameters, all.parameters)} of the parameters and ` +
        `${share(all.convMacs, all.macs)} of the MACs are in convolutions.`
      : "";
  return `${sentence(row, label)}${costs} ${sees(row.after, rows[0].before.size)}${end}`;
}

/**
 * @param {Row} row
 * @param {ReturnType<typeof totals>} all
 */
function layerShares(row, all) {
  const exact =
    row.parts.length > 0
      ? `It has ${thousands(row.parameters)} parameters and does ${short(row.macs)} MACs: `
      : "That is ";
  return `${exact}${share(row.parameters, all.parameters)} of all parameters and ${share(row.macs, all.macs)} of all MACs.`;
}

/** What the colours of the three families are called. */
export const FAMILY_WORDS = {
  conv: "convolutions",
  pool: "pooling",
  dense: "dense layers",
};
