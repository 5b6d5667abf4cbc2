// What the picture of two broadcast shapes says in words.

import * as model from "./model.js";

/** @import { Shape } from "./model.js" */

/** What an axis is in the picture, counted from the last. */
export const NAMES = ["columns", "rows", "blocks"];

/** @param {number[]} index */
const at = (index) => `[${index.join(", ")}]`;

/** @param {number} times */
const often = (times) => (times === 1 ? "once" : `${times} times`);

/**
 * How a tensor is stretched, or null.
 * @param {string} name
 * @param {Shape} shape
 * @param {Shape} result
 */
function stretched(name, shape, result) {
  const parts = [];
  for (const [axis, size] of result.entries()) {
    const own = shape[axis - (result.length - shape.length)] ?? 1;
    if (own < size) parts.push(`each of the ${size} ${NAMES[result.length - 1 - axis]}`);
  }
  return parts.length ? `${name} is used again for ${parts.join(" and ")}` : null;
}

/**
 * @param {Shape} a
 * @param {Shape} b
 */
function whyNot(a, b) {
  const wrong = model.misfit(a, b);
  if (!wrong) return "";
  const slot = Math.max(a.length, b.length) - 1 - wrong.axis;
  const where = slot === 0 ? "in the last axis" : `in axis ${slot + 1} from the right`;
  const counts = `${where} (${NAMES[slot]}), A has ${wrong.a} and B has ${wrong.b}`;
  let reason = "";
  try {
    model.broadcastShape(a, b);
  } catch (error) {
    reason = error instanceof Error ? error.message : "";
  }
  return (
    `A ${model.written(a)} and B ${model.written(b)} do not fit: ${counts}, which differ, and ` +
    `neither is 1. PyTorch says “${reason}”.`
  );
}

/**
 * The sentence below the picture.
 * @param {Shape} a
 * @param {Shape} b
 * @param {"a" | "b" | "result"} marked
 * @param {number[]} place
 */
export function describe(a, b, marked, place) {
  if (model.misfit(a, b)) return whyNot(a, b);
  const result = model.broadcastShape(a, b);
  const [left, right] = [model.source(a, place), model.source(b, place)];
  const values = {
    a: model.STEPS.a * (model.flat(a, left) + 1),
    b: model.STEPS.b * (model.flat(b, right) + 1),
  };
  const total = values.a + values.b;
  const sum =
    `(A + B)${at(place)} = A${at(left)} + B${at(right)} = ` +
    `${values.a} + ${values.b} = ${total}`;
  const shape = `A + B has shape ${model.written(result)}`;
  const how = [stretched("A", a, result), stretched("B", b, result)].filter(Boolean);
  const whole = `${shape}: ${how.length ? how.join(", and ") : "nothing is used twice"}.`;
  if (marked === "result") return `${sum}. ${whole}`;
  const [own, name, index] = marked === "a" ? [a, "A", left] : [b, "B", right];
  const times = model.count(result) / model.count(own);
  const element = `${name}${at(index)} = ${values[marked]}`;
  return `${element} is used ${often(times)}, here for ${sum}. ${whole}`;
}

/**
 * The name of one place for a screen reader: which element it shows, and where if it is shown again.
 * @param {string} name
 * @param {number[]} element
 * @param {number} value
 * @param {number[] | null} place
 */
export function named(name, element, value, place) {
  const again = place ? `, used again at ${at(place)}` : "";
  return `${name}${at(element)} = ${value}${again}`;
}

/**
 * @param {number} slot
 * @param {string} name
 */
export const sizeLabel = (slot, name) => `${NAMES[slot]} of ${name}`;
