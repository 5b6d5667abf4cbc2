// A ring all-reduce: in each step every rank sends one part to the next rank.

import { generator } from "../maths/random.js";

/**
 * @typedef {object} Move
 * @property {number} from the rank that sends; the next one receives
 * @property {number} to
 * @property {number} part
 * @property {number} value what is sent
 */
/**
 * @typedef {object} State after some steps
 * @property {number[][]} held what each rank has of each part
 * @property {number[][]} terms how many ranks' numbers are in it
 * @property {Move[]} moves of the last step, one for each rank that sends
 */

/**
 * Whole numbers from 1 to 9, a row for each rank.
 * @param {number} seed
 * @param {number} ranks
 */
export function draw(seed, ranks) {
  const random = generator(seed);
  return Array.from({ length: ranks }, () =>
    Array.from({ length: ranks }, () => 1 + Math.floor(9 * random())),
  );
}

/** How many steps it takes: n − 1 to add, n − 1 to hand on. */
export function steps(/** @type {number} */ ranks) {
  return 2 * (ranks - 1);
}

/**
 * What the ranks have after so many steps.
 * @param {number[][]} values n ranks' n parts
 * @param {number} done
 * @returns {State}
 */
export function run(values, done) {
  const n = values.length;
  const held = values.map((row) => [...row]);
  const terms = values.map((row) => row.map(() => 1));
  /** @type {Move[]} */
  let moves = [];
  for (let step = 0; step < Math.min(done, steps(n)); step += 1) {
    const adding = step < n - 1;
    moves = held.map((row, from) => {
      // Part r − 1 sets out from rank r, so that rank r ends with part r complete; then it hands that on.
      const part = (((adding ? from - step - 1 : from - (step - (n - 1))) % n) + n) % n;
      return { from, to: (from + 1) % n, part, value: row[part] };
    });
    const counts = moves.map(({ from, part }) => terms[from][part]);
    moves.forEach(({ to, part, value }, i) => {
      held[to][part] = adding ? held[to][part] + value : value;
      terms[to][part] = adding ? terms[to][part] + counts[i] : counts[i];
    });
  }
  return { held, terms, moves };
}

/**
 * Bytes that each rank has sent after so many steps, if each rank has `size` bytes.
 * @param {number} ranks
 * @param {number} size
 * @param {number} done
 */
export function sent(ranks, size, done) {
  return (Math.min(done, steps(ranks)) * size) / ranks;
}

/**
 * Bytes through the link of the one rank to which all others send, and which sends back the sum.
 * @param {number} ranks
 * @param {number} size
 */
export function naive(ranks, size) {
  return 2 * (ranks - 1) * size;
}
