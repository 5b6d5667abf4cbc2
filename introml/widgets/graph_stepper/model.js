// Forward and backward through a graph, one node at a time.

import { read } from "./grammar.js";
import { OPERATORS } from "./operators.js";

export { read };

/** @import { Graph } from "./grammar.js" */
/**
 * One share of a gradient: what a node hands to one of its inputs.
 * @typedef {{ input: number, slot: number, local: number, product: number }} Share
 */
/** @typedef {{ node: number, upstream: number, shares: Share[] }} Backward */
/**
 * What is known after some steps.
 * @typedef {object} State
 * @property {(number | null)[]} values of each node, null where not computed yet
 * @property {(number | null)[]} gradients of the result with respect to each node, as far as known;
 *   null where nothing has arrived
 * @property {number | null} computed the node that the last step computed
 * @property {Backward | null} handed what the last step handed back
 * @property {boolean} seeded whether the last step put 1 at the result
 * @property {number} pass the walk back that the last step is of, from 1; 0 before
 */

/**
 * The graph of no expression.
 * @type {Graph}
 */
export const NOTHING = { nodes: [], result: 0, variables: [] };

/** @param {Graph} graph */
const isLeaf = (graph, /** @type {number} */ node) => graph.nodes[node].inputs.length === 0;

/**
 * Which nodes a variable is in: only for them is there a gradient.
 * @param {Graph} graph
 */
export function moves({ nodes }) {
  /** @type {boolean[]} */
  const found = [];
  for (const { op, inputs } of nodes) {
    found.push(op === "variable" || inputs.some((input) => found[input]));
  }
  return found;
}

/**
 * The nodes that are computed, in order.
 * @param {Graph} graph
 */
export function forwardOrder(graph) {
  return graph.nodes.map((_, node) => node).filter((node) => !isLeaf(graph, node));
}

/**
 * The nodes that hand a gradient back, in order: each after all that use it.
 * @param {Graph} graph
 */
export function backwardOrder(graph) {
  const moving = moves(graph);
  const reached = new Set([graph.result]);
  const order = [];
  for (let node = graph.nodes.length - 1; node >= 0; node -= 1) {
    if (!reached.has(node) || !moving[node] || isLeaf(graph, node)) continue;
    order.push(node);
    for (const input of graph.nodes[node].inputs) reached.add(input);
  }
  return order;
}

/**
 * The value of every node.
 * @param {Graph} graph
 * @param {number[]} variables their values, in the graph's order
 * @returns {number[]}
 */
export function forward({ nodes, variables: places }, variables) {
  /** @type {number[]} */
  const values = [];
  for (const [place, { op, inputs, value }] of nodes.entries()) {
    if (op === "variable") values.push(variables[places.indexOf(place)]);
    else if (op === "number") values.push(value ?? 0);
    else values.push(OPERATORS[op].value(...inputs.map((input) => values[input])));
  }
  return values;
}

/**
 * What one node hands to its inputs: upstream gradient times local slope.
 * @param {Graph} graph
 * @param {boolean[]} moving which nodes have a gradient
 * @param {number[]} values
 * @param {number} node
 * @param {number} upstream
 * @returns {Backward}
 */
function handBack(graph, moving, values, node, upstream) {
  const { op, inputs } = graph.nodes[node];
  const given = inputs.map((input) => values[input]);
  const shares = inputs.map((input, slot) => {
    const local = OPERATORS[op].slopes[slot](values[node], ...given);
    // A gate that is shut lets nothing through, not even an infinite gradient.
    const product = local === 0 && OPERATORS[op].shut?.(...given) ? 0 : upstream * local;
    return { input, slot, local, product };
  });
  return { node, upstream, shares: shares.filter(({ input }) => moving[input]) };
}

/**
 * Steps of one walk forward, and of each walk back (its first puts 1 at the result).
 * @param {Graph} graph
 */
export function counts(graph) {
  const back = moves(graph)[graph.result] ? backwardOrder(graph).length + 1 : 0;
  return { forward: forwardOrder(graph).length, back };
}

/**
 * @param {Graph} graph
 * @param {number} passes
 */
export function lastStep(graph, passes) {
  const { forward: ahead, back } = counts(graph);
  return ahead + passes * back;
}

/**
 * What is known after `step` steps: forward, then back, and back again for each further pass. A
 * variable keeps its gradient from pass to pass, as `.grad` does; what lies between starts anew.
 * @param {Graph} graph
 * @param {number[]} variables
 * @param {number} step
 * @returns {State}
 */
export function stateAt(graph, variables, step) {
  const all = forward(graph, variables);
  const ahead = forwardOrder(graph);
  const back = backwardOrder(graph);
  const known = new Set(ahead.slice(0, step));
  /** @type {State} */
  const state = {
    values: all.map((value, node) => (isLeaf(graph, node) || known.has(node) ? value : null)),
    gradients: all.map(() => null),
    computed: step > 0 && step <= ahead.length ? ahead[step - 1] : null,
    handed: null,
    seeded: false,
    pass: 0,
  };
  const { back: length } = counts(graph);
  let left = length ? step - ahead.length : 0;
  while (left > 0) {
    const steps = Math.min(left, length);
    walkBack(graph, all, back.slice(0, steps - 1), state);
    state.seeded = steps === 1;
    left -= steps;
    state.pass += 1;
  }
  return state;
}

/**
 * @param {Graph} graph
 * @param {number[]} values
 * @param {number[]} order
 * @param {State} state changed
 */
function walkBack(graph, values, order, state) {
  const { gradients } = state;
  const moving = moves(graph);
  for (const [node, { op }] of graph.nodes.entries()) {
    if (op !== "variable") gradients[node] = null;
  }
  gradients[graph.result] = (gradients[graph.result] ?? 0) + 1;
  state.handed = null;
  for (const node of order) {
    state.handed = handBack(graph, moving, values, node, gradients[node] ?? 0);
    for (const { input, product } of state.handed.shares) {
      gradients[input] = (gradients[input] ?? 0) + product;
    }
  }
}

/**
 * All values and gradients at the end; gradients are null where no variable is, or none arrives.
 * @param {string} text
 * @param {number[]} variables
 * @param {number} passes
 */
export function evaluate(text, variables, passes) {
  const { graph, message, at } = read(text);
  if (!graph) return { message, at };
  const state = stateAt(graph, variables, lastStep(graph, passes));
  const names = graph.variables.map((place) => graph.nodes[place].name);
  return {
    message,
    names,
    result: state.values[graph.result],
    gradients: graph.variables.map((place) => state.gradients[place]),
    between: graph.nodes.map(({ name, op }, place) => ({
      name,
      op,
      value: state.values[place],
      gradient: state.gradients[place],
    })),
  };
}
