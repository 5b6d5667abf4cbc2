// Q-learning in a small grid world. Cells are counted row by row; the four actions are 0 up, 1 right,
// 2 down, 3 left. A step off the grid stays where it is. A cell with a prize ends the episode.

import { generator, uniforms } from "../maths/random.js";

export { uniforms };

/** @typedef {{ rows: number, columns: number, start: number, prizes: Record<number, number> }} World */
/**
 * How the learner learns: α, ε, γ, and what each step costs.
 * @typedef {{ rate: number, exploration: number, discount: number, cost: number }} Setting
 */
/**
 * One move, and the update that it made: Q(state, action) went from `before` to `after`.
 * @typedef {object} Update
 * @property {number} state
 * @property {number} action
 * @property {number} next the cell that it led to
 * @property {number} reward
 * @property {number} bestNext the largest entry of the next cell, 0 where the episode has ended
 * @property {number} before
 * @property {number} after
 * @property {boolean} explored whether the action was drawn at random
 */

/** An episode is broken off after so many steps. */
export const LONGEST = 100;

/** "S" is the start, a letter of PRIZES a prize. */
const MAPS = {
  room: ["...*", "....", "S..."],
  prizes: [".....*", "......", "......", "S.+..."],
  cliff: ["......", "......", "......", "Sxxxx*"],
};
/** @type {Record<string, number>} */
const PRIZES = { "*": 1, "+": 0.3, x: -1 };

/** @param {keyof typeof MAPS} name */
export function world(name) {
  const map = MAPS[name];
  const cells = map.join("");
  const prizes = [...cells].flatMap((letter, cell) =>
    letter in PRIZES ? [[cell, PRIZES[letter]]] : [],
  );
  return {
    rows: map.length,
    columns: map[0].length,
    start: cells.indexOf("S"),
    prizes: Object.fromEntries(prizes),
  };
}

/**
 * The cell that an action leads to.
 * @param {World} place
 * @param {number} cell
 * @param {number} action
 */
export function moved({ rows, columns }, cell, action) {
  const [row, column] = [Math.floor(cell / columns), cell % columns];
  if (action === 0) return row > 0 ? cell - columns : cell;
  if (action === 1) return column < columns - 1 ? cell + 1 : cell;
  if (action === 2) return row < rows - 1 ? cell + columns : cell;
  return column > 0 ? cell - 1 : cell;
}

/**
 * The actions whose entry is the largest.
 * @param {number[]} entries
 */
export function bestActions(entries) {
  const most = Math.max(...entries);
  return [0, 1, 2, 3].filter((action) => entries[action] === most);
}

/**
 * Two random numbers a step: the first says whether to explore, the second which action, of all four
 * or of the best ones.
 * @param {number[]} entries
 * @param {number} exploration
 * @param {number} first
 * @param {number} second
 */
function choose(entries, exploration, first, second) {
  const explored = first < exploration;
  const among = explored ? [0, 1, 2, 3] : bestActions(entries);
  return { action: among[Math.floor(second * among.length)], explored };
}

/**
 * The table, a row of four entries a cell, after `episodes` whole episodes and then `steps` steps of
 * the next one, which ends earlier if it must. `path` holds the cells of the episode under way, or of
 * the last whole one if no step has been made in the next.
 * @param {World} place
 * @param {Setting} setting
 * @param {number} seed
 * @param {number} episodes
 * @param {number} steps
 */
export function learn(place, { rate, exploration, discount, cost }, seed, episodes, steps) {
  const random = generator(seed);
  const table = Array.from({ length: place.rows * place.columns }, () => [0, 0, 0, 0]);
  /** @type {number[]} the sum of γᵗ·reward of each whole episode */
  const returns = [];
  let path = [place.start];
  /** @type {Update | null} */
  let update = null;
  let ended = false;
  for (let episode = 0; episode <= episodes; episode += 1) {
    const most = episode < episodes ? LONGEST : Math.min(steps, LONGEST);
    if (most === 0) break;
    let [state, total, factor] = [place.start, 0, 1];
    path = [state];
    ended = false;
    for (let step = 0; step < most && !ended; step += 1) {
      const entries = table[state];
      const { action, explored } = choose(entries, exploration, random(), random());
      const next = moved(place, state, action);
      ended = next in place.prizes;
      const reward = (ended ? place.prizes[next] : 0) - cost;
      const bestNext = ended ? 0 : Math.max(...table[next]);
      const before = entries[action];
      const after = before + rate * (reward + discount * bestNext - before);
      entries[action] = after;
      update = { state, action, next, reward, bestNext, before, after, explored };
      total += factor * reward;
      factor *= discount;
      path.push(next);
      state = next;
    }
    if (episode < episodes) returns.push(total);
  }
  return { table, returns, path, update, ended };
}

/**
 * The best possible table, by value iteration: each entry is what its action earns if all that follow
 * are the best.
 * @param {World} place
 * @param {number} discount
 * @param {number} cost
 */
export function bestTable(place, discount, cost) {
  let values = Array.from({ length: place.rows * place.columns }, () => 0);
  /** @type {number[][]} */
  let table = [];
  for (let change = 1; change > 1e-12; ) {
    table = values.map((_, cell) =>
      [0, 1, 2, 3].map((action) => {
        const next = moved(place, cell, action);
        return next in place.prizes ? place.prizes[next] - cost : discount * values[next] - cost;
      }),
    );
    const better = table.map((entries) => Math.max(...entries));
    change = Math.max(...better.map((value, cell) => Math.abs(value - values[cell])));
    values = better;
  }
  return table;
}

/**
 * Where the arrows lead: from the start along the first best action of each cell, until a prize, a
 * cell that has no preference, or one that was visited before.
 * @param {World} place
 * @param {number[][]} table
 */
export function arrowsLead(place, table) {
  const cells = [place.start];
  for (;;) {
    const state = cells[cells.length - 1];
    if (state in place.prizes) return { cells, end: "prize" };
    const best = bestActions(table[state]);
    if (best.length === 4) return { cells, end: "nowhere" };
    const next = moved(place, state, best[0]);
    if (cells.includes(next)) return { cells, end: "circle" };
    cells.push(next);
  }
}

/**
 * The return of a way, Σ γᵗ·reward.
 * @param {World} place
 * @param {number[]} cells
 * @param {number} discount
 * @param {number} cost
 */
export function returnOf(place, cells, discount, cost) {
  return cells
    .slice(1)
    .reduce((total, cell, t) => total + discount ** t * ((place.prizes[cell] ?? 0) - cost), 0);
}
