// What a step says.

import { significant } from "../kit/format.js";
import * as model from "./model.js";
import { OPERATORS } from "./operators.js";

/** @import { Graph } from "./grammar.js" */
/** @import { Backward, State } from "./model.js" */

const INFIX = { "+": "+", "-": "−", "*": "·", "/": "/", "^": "^" };
/** How strongly an operator binds: what binds less needs brackets inside what binds more. */
const BINDS = { "+": 1, "-": 1, "*": 2, "/": 2, neg: 2, "^": 3 };
const LONGEST = 28;

/** @param {number} value */
export const number = (value) => significant(value, 4);

/** @param {number} value */
const inSum = (value) => (value < 0 ? `(${number(value)})` : number(value));

/**
 * The sign or word in a node's box.
 * @param {Graph} graph
 * @param {number} node
 */
export function symbol({ nodes }, node) {
  const { op, name, value } = nodes[node];
  if (op === "variable") return name;
  if (op === "number") return number(value ?? 0);
  if (op === "neg") return "−( )";
  if (op === "*") return "×";
  return INFIX[/** @type {keyof typeof INFIX} */ (op)] ?? op;
}

/**
 * An operator with what stands for its inputs.
 * @param {string} op
 * @param {string[]} given
 */
function combined(op, given) {
  const sign = INFIX[/** @type {keyof typeof INFIX} */ (op)];
  if (sign === "^" || sign === "/") return `${given[0]}${sign}${given[1]}`;
  if (sign) return `${given[0]} ${sign} ${given[1]}`;
  return op === "neg" ? `−${given[0]}` : `${op}(${given.join(", ")})`;
}

/**
 * A node's own expression in letters; named nodes inside it by their names.
 * @param {Graph} graph
 * @param {number} node
 * @returns {string}
 */
export function expressionOf(graph, node) {
  const { op, inputs, name } = graph.nodes[node];
  if (op === "variable") return name;
  if (op === "number") return symbol(graph, node);
  const binds = BINDS[/** @type {keyof typeof BINDS} */ (op)];
  const given = inputs.map((input, slot) => {
    const inner = graph.nodes[input];
    const text = labelOf(graph, input);
    if (inner.op === "number") return slot > 0 && (inner.value ?? 0) < 0 ? `(${text})` : text;
    const loose = BINDS[/** @type {keyof typeof BINDS} */ (inner.op)];
    if (!binds || !loose || inner.name) return text;
    const brackets = loose < binds || (loose === binds && (slot > 0 || op === "^"));
    return brackets ? `(${text})` : text;
  });
  return combined(op, given);
}

/**
 * What a node is called in a sentence: its name, or its expression where that is short.
 * @param {Graph} graph
 * @param {number} node
 */
export function labelOf(graph, node) {
  const { name } = graph.nodes[node];
  if (name) return name;
  const text = expressionOf(graph, node);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

/**
 * @param {Graph} graph
 * @param {State} state
 * @param {number} node
 */
function computed(graph, state, node) {
  const { op, inputs, name } = graph.nodes[node];
  const values = inputs.map((input) => state.values[input] ?? 0);
  const given = values.map((value, slot) => (slot || op === "^" ? inSum(value) : number(value)));
  const filled = combined(
    op,
    INFIX[/** @type {keyof typeof INFIX} */ (op)] || op === "neg" ? given : values.map(number),
  );
  const left = name ? `${name} = ` : "";
  return `${left}${expressionOf(graph, node)} = ${filled} = ${number(state.values[node] ?? 0)}.`;
}

/**
 * The local slope in letters, with the names of the inputs.
 * @param {Graph} graph
 * @param {number} node
 * @param {number} slot
 */
export function ruleOf(graph, node, slot) {
  const { op, inputs } = graph.nodes[node];
  const [a, b] = inputs.map((input) => labelOf(graph, input));
  const y = graph.nodes[node].name || "its value";
  return OPERATORS[op].rules[slot].replace(/\b[aby]\b/g, (letter) =>
    letter === "a" ? a : letter === "b" ? b : y,
  );
}

/**
 * @param {Graph} graph
 * @param {State} state
 * @param {Backward} handed
 */
function handedBack(graph, state, { node, upstream, shares }) {
  const arrived = new Set();
  const parts = shares.map(({ input, slot, local, product }) => {
    const rule = ruleOf(graph, node, slot);
    const plain = Number.isFinite(Number(rule.replace("−", "-")));
    const slope = plain ? number(local) : `${rule} = ${number(local)}`;
    const to = `${labelOf(graph, input)}, times ${slope}, it hands ${number(product)}`;
    const total = state.gradients[input] ?? 0;
    const more = Math.abs(total - product) > 1e-12 * Math.abs(total) && !arrived.has(input);
    arrived.add(input);
    const sum = more ? ` (which makes ${number(total)} together with what was there)` : "";
    return `to ${to}${sum}`;
  });
  const from = expressionOf(graph, node);
  const called = graph.nodes[node].name ? `${graph.nodes[node].name} = ${from}` : from;
  return `The gradient at ${called} is ${number(upstream)}: ${parts.join("; ")}.`;
}

/**
 * The sentences below the picture.
 * @param {Graph} graph
 * @param {State} state
 * @param {{ step: number, passes: number }} at
 */
export function describe(graph, state, { step, passes }) {
  const result = labelOf(graph, graph.result);
  const last = model.lastStep(graph, passes);
  if (step === 0) {
    const { forward } = model.counts(graph);
    if (!forward) return `The result is ${result} itself.`;
    return `Nothing is computed yet. ${forward === 1 ? "One step" : `${forward} steps`} forward, then back.`;
  }
  if (state.computed !== null) return computed(graph, state, state.computed);
  if (state.seeded) {
    const again = state.pass > 1 ? "Once more back, and nothing was set to zero. " : "";
    return `${again}The result moves as much as itself, so the walk back begins with 1.`;
  }
  const said = state.handed ? handedBack(graph, state, state.handed) : "";
  if (step < last) return said;
  const all = graph.variables
    .filter((place) => state.gradients[place] !== null)
    .map((place) => `∂f/∂${graph.nodes[place].name} = ${number(state.gradients[place] ?? 0)}`);
  const times = passes > 1 ? `, ${passes} times what is right, since nothing was zeroed` : "";
  return `${said} So ${all.join(", ")}${times}.`;
}
