// The sentences below the explorer's picture.

import { fixed, significant } from "../kit/format.js";
import * as model from "./model.js";

/** @import { Setting } from "./model.js" */

const apart = (/** @type {number} */ n) => (n === 1 ? "1 position apart" : `${n} positions apart`);

/** @param {number} head */
const slopeOf = (head) => `1/${2 ** head}`;

/**
 * @param {Setting & { query: number, key: number }} setting
 */
export function describe({ query, key, ...setting }) {
  const { encoding, width, back, head } = setting;
  const distance = Math.abs(query - key);
  const [score] = model.scores(setting, query, [key]);
  const most = width / 2;
  if (encoding === "alibi") {
    const loss = model.slope(head) * distance;
    return (
      `Head ${head} of ${model.HEADS} has the slope ${slopeOf(head)}. Query ${query} and key ${key} are ` +
      `${apart(distance)}, so ${significant(loss, 3)} is taken from their score, and the key's weight counts ` +
      `${significant(Math.exp(-loss))} times what it would at distance 0.`
    );
  }
  if (score === null) {
    const missing = query >= model.TRAINED ? query : key;
    return (
      `The table has rows 0 to ${model.TRAINED - 1}, one for each position seen in training. There is no ` +
      `row ${missing}: looking it up is an error.`
    );
  }
  if (encoding === "learned") {
    return (
      `Rows ${query} and ${key} of the table have the dot product ${fixed(score)}. Before training the ` +
      `rows are random numbers, and that they are ${apart(distance)} cannot be seen in it.`
    );
  }
  const [before, what] = back
    ? [`, turned back by ${back},`, `the query meets the keys as if it stood at ${query - back}`]
    : ["", `any query and key that far apart give the same`];
  const dotted =
    encoding === "rope"
      ? `One vector, turned for query ${query}${back ? ` (and back by ${back})` : ""} and for key ${key}, has`
      : `Query ${query}${before} and key ${key} have`;
  return (
    `${dotted} the dot product ${fixed(score)}, of at most ${most}. They are ${apart(distance)}; ` +
    `${what}.`
  );
}
