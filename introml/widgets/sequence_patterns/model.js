// A toy for each pattern of inputs and outputs: a state that every step reads and rewrites.

/** @typedef {"one_to_one" | "one_to_many" | "many_to_one" | "many_to_many" | "read_then_write"} Pattern */
/**
 * @typedef {object} Step
 * @property {string} input "" where none comes in
 * @property {string} state what is kept after the step
 * @property {string} output "" where none goes out
 */
/**
 * @typedef {object} Toy
 * @property {RegExp} takes one character that it can read
 * @property {number} most characters
 * @property {string} example
 * @property {(characters: string[]) => Step[]} run
 */

/** What stands for "that was all". */
export const END = "end";

/** @type {Record<Pattern, Toy>} */
const TOYS = {
  one_to_one: {
    takes: /[a-z]/,
    most: 1,
    example: "e",
    run: ([letter]) => [
      { input: letter, state: "", output: "aeiou".includes(letter) ? "vowel" : "consonant" },
    ],
  },
  one_to_many: {
    takes: /[0-9]/,
    most: 1,
    example: "4",
    run: ([digit]) =>
      Array.from({ length: Number(digit) + 1 }, (_, i) => ({
        input: i === 0 ? digit : "",
        state: String(Number(digit) - i),
        output: String(Number(digit) - i),
      })),
  },
  many_to_one: {
    takes: /[()]/,
    most: 8,
    example: "(()",
    run: (brackets) => {
      let depth = 0;
      let broken = false;
      return brackets.map((bracket, i) => {
        depth += bracket === "(" ? 1 : -1;
        broken ||= depth < 0;
        const last = i === brackets.length - 1;
        const verdict = !broken && depth === 0 ? "balanced" : "not";
        return {
          input: bracket,
          state: broken ? "broken" : String(depth),
          output: last ? verdict : "",
        };
      });
    },
  },
  many_to_many: {
    takes: /[0-9]/,
    most: 8,
    example: "31415",
    run: (digits) => {
      let sum = 0;
      return digits.map((digit) => {
        sum += Number(digit);
        return { input: digit, state: String(sum), output: String(sum) };
      });
    },
  },
  read_then_write: {
    takes: /[a-z]/,
    most: 7,
    example: "hello",
    run: (letters) => {
      const reading = letters.map((letter, i) => ({
        input: letter,
        state: letters.slice(0, i + 1).join(""),
        output: "",
      }));
      const writing = letters.map((_, i) => ({
        input: i === 0 ? END : "",
        state: letters.slice(0, letters.length - 1 - i).join(""),
        output: letters[letters.length - 1 - i],
      }));
      return [...reading, ...writing];
    },
  },
};

/**
 * What a toy begins with.
 * @param {Pattern} pattern
 */
export function exampleOf(pattern) {
  return TOYS[pattern].example;
}

/**
 * How many characters a toy takes.
 * @param {Pattern} pattern
 */
export function mostOf(pattern) {
  return TOYS[pattern].most;
}

/**
 * What of a text a toy can read; its example if nothing.
 * @param {Pattern} pattern
 * @param {string} text
 */
export function readable(pattern, text) {
  const { takes, most, example } = TOYS[pattern];
  const taken = [...text.toLowerCase()].filter((character) => takes.test(character));
  return taken.length ? taken.slice(0, most).join("") : example;
}

/**
 * All steps of a toy on what it can read of a text.
 * @param {Pattern} pattern
 * @param {string} text
 */
export function run(pattern, text) {
  return TOYS[pattern].run([...readable(pattern, text)]);
}
