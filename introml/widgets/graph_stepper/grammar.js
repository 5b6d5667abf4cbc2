// From a line of text to a graph. Statements are separated by ";": all but the last name a value,
// `g = x + y; g * z`. A name that is used twice is one node with two arrows.

/**
 * One value of the graph: a variable, a number, or an operator of earlier nodes.
 * @typedef {object} Node
 * @property {string} op "variable", "number", or an operator of operators.js
 * @property {number[]} inputs places of earlier nodes
 * @property {string} name of a variable or a named value, else ""
 * @property {number} [value] of a number
 */
/**
 * @typedef {object} Graph
 * @property {Node[]} nodes each after those that it uses
 * @property {number} result
 * @property {number[]} variables places, in the order in which the names first appear
 */
/** @typedef {{ type: "number" | "name" | "sign" | "end", text: string, at: number }} Token */

/** Numbers of inputs of each function that can be written. */
export const FUNCTIONS = { exp: 1, log: 1, sin: 1, tanh: 1, sigmoid: 1, relu: 1, max: 2 };
/** The most nodes that a picture holds legibly. */
export const MOST_NODES = 24;
/** The most variables. */
export const MOST_VARIABLES = 8;
/** Deeper brackets and signs than this are no expression that anybody reads. */
const DEEPEST = 40;

const SIGNS = new Map([
  ["−", "-"],
  ["–", "-"],
  ["×", "*"],
  ["·", "*"],
  ["⋅", "*"],
  ["÷", "/"],
]);
const NUMBER = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i;
const NAME = /^[a-zA-Z\u0370-\u03ff]\w{0,11}/;

/** What is wrong with a text, and at which character, from 0. */
export class GrammarError extends Error {
  /**
   * @param {string} message
   * @param {number} at
   */
  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

/**
 * @param {string} text
 * @returns {Token[]}
 */
function tokensOf(text) {
  /** @type {Token[]} */
  const tokens = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const space = /^\s+/.exec(rest);
    const number = NUMBER.exec(rest);
    const name = NAME.exec(rest);
    if (space) at += space[0].length;
    else if (number) {
      tokens.push({ type: "number", text: number[0], at });
      at += number[0].length;
    } else if (name) {
      tokens.push({ type: "name", text: name[0], at });
      at += name[0].length;
    } else {
      const written = rest.startsWith("**") ? "**" : rest[0];
      const sign = written === "**" ? "^" : (SIGNS.get(written) ?? written);
      if (!"+-*/^(),;=".includes(sign)) {
        throw new GrammarError(`“${written}” has no meaning here.`, at);
      }
      tokens.push({ type: "sign", text: sign, at });
      at += written.length;
    }
  }
  tokens.push({ type: "end", text: "", at: text.length });
  return tokens;
}

class Parser {
  /** @param {string} text */
  constructor(text) {
    this.tokens = tokensOf(text);
    this.place = 0;
    this.depth = 0;
    /** @type {Node[]} */
    this.nodes = [];
    /** @type {Map<string, number>} */
    this.named = new Map();
    /** @type {number[]} */
    this.variables = [];
  }

  get token() {
    return this.tokens[this.place];
  }

  /** @param {string} sign */
  takes(sign) {
    if (this.token.type !== "sign" || this.token.text !== sign) return false;
    this.place += 1;
    return true;
  }

  /**
   * @param {string} sign
   * @param {string} why
   */
  needs(sign, why) {
    if (!this.takes(sign)) throw new GrammarError(why, this.token.at);
  }

  /**
   * @param {string} op
   * @param {number[]} inputs
   * @param {Partial<Node>} [more]
   */
  add(op, inputs, more = {}) {
    if (this.nodes.length === MOST_NODES) {
      const { at } = this.tokens[Math.max(0, this.place - 1)];
      throw new GrammarError(`The picture has room for ${MOST_NODES} values, no more.`, at);
    }
    return this.nodes.push({ op, inputs, name: "", ...more }) - 1;
  }

  /** @returns {Graph} */
  graph() {
    for (;;) {
      const next = this.tokens[this.place + 1];
      const names = this.token.type === "name" && next?.type === "sign" && next.text === "=";
      const result = names ? this.definition() : this.sum();
      while (this.takes(";")) {
        // Several, or one at the end, do no harm.
      }
      if (this.token.type === "end") {
        return { nodes: this.nodes, result, variables: this.variables };
      }
      const before = this.tokens[this.place - 1];
      if (before.text !== ";") this.refuse();
      if (!names) throw new GrammarError("Only the last line may go without a name.", before.at);
    }
  }

  definition() {
    const { text, at } = this.token;
    if (this.named.has(text)) throw new GrammarError(`“${text}” is in use already.`, at);
    if (Object.hasOwn(FUNCTIONS, text)) throw new GrammarError(`“${text}” is a function.`, at);
    this.place += 2;
    const before = this.nodes.length;
    const made = this.sum();
    if (this.named.has(text)) throw new GrammarError(`“${text}” is in use already.`, at);
    // A second name for a variable or an earlier value would rename it in the picture.
    if (made >= before && this.nodes[made].inputs.length) this.nodes[made].name = text;
    this.named.set(text, made);
    return made;
  }

  /** @returns {number} */
  sum() {
    return this.chain(["+", "-"], () => this.product());
  }

  /** @returns {number} */
  product() {
    return this.chain(["*", "/"], () => this.signed());
  }

  /**
   * Operands joined by any of these signs, from left to right.
   * @param {string[]} signs
   * @param {() => number} operand
   */
  chain(signs, operand) {
    let left = operand();
    for (;;) {
      const sign = signs.find((one) => this.takes(one));
      if (sign === undefined) return left;
      left = this.add(sign, [left, operand()]);
    }
  }

  /** @returns {number} */
  signed() {
    this.depth += 1;
    if (this.depth > DEEPEST) throw new GrammarError("This is nested too deeply.", this.token.at);
    try {
      if (!this.takes("-")) return this.power();
      if (this.token.type === "number" && this.tokens[this.place + 1].text !== "^") {
        this.place += 1;
        return this.add("number", [], { value: -Number(this.tokens[this.place - 1].text) });
      }
      return this.add("neg", [this.signed()]);
    } finally {
      this.depth -= 1;
    }
  }

  /** −x^2 is −(x^2), and 2^−1 and x^y^z = x^(y^z) are what they are in mathematics. */
  power() {
    const base = this.atom();
    return this.takes("^") ? this.add("^", [base, this.signed()]) : base;
  }

  /** @returns {number} */
  atom() {
    const { type, text, at } = this.token;
    if (type === "number") {
      this.place += 1;
      if (!Number.isFinite(Number(text))) throw new GrammarError("This number is too large.", at);
      return this.add("number", [], { value: Number(text) });
    }
    if (type === "name") return Object.hasOwn(FUNCTIONS, text) ? this.call() : this.variable();
    if (this.takes("(")) {
      const inside = this.sum();
      this.needs(")", "A “)” is missing here.");
      return inside;
    }
    return this.refuse();
  }

  call() {
    const name = /** @type {keyof typeof FUNCTIONS} */ (this.token.text);
    this.place += 1;
    this.needs("(", `“${name}” needs its argument in brackets: ${name}(…).`);
    const inputs = [this.sum()];
    while (this.takes(",")) inputs.push(this.sum());
    const count = FUNCTIONS[name];
    if (inputs.length !== count) {
      const needed = count === 1 ? "one argument" : `${count} arguments`;
      throw new GrammarError(`“${name}” takes ${needed}.`, this.token.at);
    }
    this.needs(")", "A “)” is missing here.");
    return this.add(name, inputs);
  }

  variable() {
    const { text, at } = this.token;
    this.place += 1;
    if (this.token.text === "(") throw new GrammarError(`There is no function “${text}”.`, at);
    const known = this.named.get(text);
    if (known !== undefined) return known;
    if (this.variables.length === MOST_VARIABLES) {
      throw new GrammarError(`At most ${MOST_VARIABLES} variables fit.`, at);
    }
    const made = this.add("variable", [], { name: text });
    this.named.set(text, made);
    this.variables.push(made);
    return made;
  }

  /** @returns {never} */
  refuse() {
    const { type, text, at } = this.token;
    if (type === "end") throw new GrammarError("Something is missing at the end.", at);
    const before = this.tokens[this.place - 1];
    const value = before && (before.type !== "sign" || before.text === ")");
    if (value && (type !== "sign" || text === "(")) {
      throw new GrammarError("An operator is missing here: a product is written x * y.", at);
    }
    throw new GrammarError(`“${text}” cannot stand here.`, at);
  }
}

/**
 * The graph of an expression. Throws `GrammarError`.
 * @param {string} text
 * @returns {Graph}
 */
export function parse(text) {
  return new Parser(text).graph();
}

/**
 * The graph, or what is wrong and where: nothing is thrown.
 * @param {string} text
 * @returns {{ graph: Graph | null, message: string, at: number }}
 */
export function read(text) {
  try {
    return { graph: parse(text), message: "", at: -1 };
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    return { graph: null, message: error.message, at: error.at };
  }
}
