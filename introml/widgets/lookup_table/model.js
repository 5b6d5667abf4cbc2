// A look-up table of three bits, and the names of the functions that it can be.

/**
 * The number of the entry that three bits choose; the first is the highest.
 * @param {number} a
 * @param {number} b
 * @param {number} c
 */
export function entry(a, b, c) {
  return 4 * a + 2 * b + c;
}

/**
 * The output.
 * @param {number[]} answers
 * @param {number} a
 * @param {number} b
 * @param {number} c
 */
export function output(answers, a, b, c) {
  return answers[entry(a, b, c)];
}

/** @type {[name: string, f: (a: number, b: number, c: number) => boolean][]} */
const FUNCTIONS = [
  ["all three", (a, b, c) => a + b + c === 3],
  ["at least one", (a, b, c) => a + b + c >= 1],
  ["an odd number", (a, b, c) => (a + b + c) % 2 === 1],
  ["at least two", (a, b, c) => a + b + c >= 2],
  ["b if a, else c", (a, b, c) => (a ? b : c) === 1],
];

/** The names of functions that can be written into the table at once. */
export const NAMES = FUNCTIONS.map(([name]) => name);

/**
 * The eight answers of a function by its name.
 * @param {string} name
 */
export function answersOf(name) {
  const found = FUNCTIONS.find(([known]) => known === name);
  if (!found) throw new Error(`no function ${name}; there are ${NAMES.join(", ")}`);
  return Array.from({ length: 8 }, (_, row) =>
    Number(found[1]((row >> 2) & 1, (row >> 1) & 1, row & 1)),
  );
}

/**
 * The name of the function that these answers are, if it has one.
 * @param {number[]} answers
 */
export function nameOf(answers) {
  return NAMES.find((name) => answersOf(name).every((bit, row) => bit === answers[row])) ?? "";
}

/**
 * How many different functions of so many bits there are: 2^(2^inputs).
 * @param {number} inputs
 */
export function functions(inputs) {
  return 2 ** (2 ** inputs);
}
