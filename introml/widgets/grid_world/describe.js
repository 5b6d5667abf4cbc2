// The picture in words: the last update in numbers, the last episode, and where the arrows lead.

import { significant } from "../kit/index.js";

const NAMES = ["up", "right", "down", "left"];

/** "row 2, column 3", counted from 1 at the top left. */
function named(cell, columns) {
  return `row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}`;
}

/** At most three decimals: what is smaller is 0 to a reader. */
const number = (value) => significant(Number(value.toFixed(3)), 3);

/** "+ 0.9 · 0" in a sum; a minus stands before a negative term. */
function sum(reward, discount, bestNext) {
  const term = `${significant(discount)} · ${number(Math.abs(bestNext))}`;
  return `${number(reward)} ${bestNext < 0 ? "−" : "+"} ${term}`;
}

/**
 * The last update, carried out.
 * @param {import("./model.js").Update} update
 * @param {{ columns: number, rate: number, discount: number, steps: number }} of
 */
export function describeUpdate(update, { columns, rate, discount, steps }) {
  const { state, action, before, after, reward, bestNext, explored } = update;
  const gap = reward + discount * bestNext - before;
  const how = explored ? ", explored" : "";
  return (
    `Step ${steps}, ${NAMES[action]} from ${named(state, columns)}${how}: r + γ · max Q is ` +
    `${sum(reward, discount, bestNext)}, so Q goes from ${number(before)} by ` +
    `${significant(rate, 3)} · ${gap < 0 ? `(${number(gap)})` : number(gap)} to ${number(after)}.`
  );
}

/**
 * The beginning: what the sliders will do, for the grid is still empty.
 * @param {{ rate: number, exploration: number, seed: number, cliff: boolean }} of
 */
export function describeStart({ rate, exploration, seed, cliff }) {
  const world = cliff ? "A shortened cliff walk: a step onto × costs 1 and ends the episode. " : "";
  return (
    `${world}Nothing is learned yet: all entries are 0. Each step will move an entry ` +
    `${significant(rate, 3)} of the way to what the step turned out to be worth, and ` +
    `${significant(100 * exploration, 3)}% of the actions will be random (draw ${seed}).`
  );
}

/**
 * The last whole episode, counted from 1.
 * @param {{ episode: number, length: number, prize: number | null, earned: number }} last
 */
export function describeEpisode({ episode, length, prize, earned }) {
  const steps = `${length} ${length === 1 ? "step" : "steps"}`;
  let end = `was broken off after ${steps}`;
  if (prize !== null && prize > 0) end = `reached +${prize} in ${steps}`;
  if (prize !== null && prize < 0) end = `ended with a fall, −${-prize}, after ${steps}`;
  return `Episode ${episode} ${end}; its return is ${number(earned)}.`;
}

/**
 * Where the arrows lead, next to the best that there is.
 * @param {{ cells: number[], end: string }} way
 * @param {{ prizes: Record<number, number>, earns: number, best: number, columns: number }} of
 */
export function describeArrows({ cells, end }, { prizes, earns, best, columns }) {
  const last = cells[cells.length - 1];
  if (end === "circle") return `The arrows lead from S back to ${named(last, columns)}: a circle.`;
  if (end === "nowhere") {
    return last === cells[0]
      ? "No arrow leaves S yet."
      : `The arrows lead from S to ${named(last, columns)}, and no farther.`;
  }
  const steps = cells.length - 1;
  const prize = `${prizes[last] > 0 ? "+" : "−"}${Math.abs(prizes[last])}`;
  const short = best - earns < 1e-9 ? "no way has more" : `the best way has ${number(best)}`;
  return (
    `The arrows lead from S to ${prize} in ${steps} ${steps === 1 ? "step" : "steps"}, ` +
    `a return of ${number(earns)}; ${short}.`
  );
}
