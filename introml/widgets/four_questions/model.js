// Four simple models of points in the plane: the nearest mean, the least-squares line, k-means and
// the first principal component; their scores, and the baselines beside them.

import { checkPairs, leastSquares } from "../maths/line.js";
import { dot, mean, sum } from "../maths/numbers.js";
import { generator, sample } from "../maths/random.js";
import { eigen } from "../maths/symmetric.js";

export { leastSquares };

/** @typedef {import("../maths/symmetric.js").Pair} Pair */
/** @typedef {{ mean: Pair, direction: Pair }} Axis a line through the mean, its direction of length 1 */
/** @typedef {{ x: number[], y: number[], label: number[] }} Points */

/** Lloyd's algorithm ends in fewer rounds; should it not, the picture must still be drawn. */
const MOST_ROUNDS = 300;

/**
 * The points to learn from, and those put aside: every third one.
 * @param {Points} points
 * @returns {{ seen: Points, aside: Points }}
 */
export function split({ x, y, label }) {
  const part = (/** @type {boolean} */ away) => {
    const keep = (/** @type {number[]} */ list) => list.filter((_, i) => (i % 3 === 2) === away);
    return { x: keep(x), y: keep(y), label: keep(label) };
  };
  return { seen: part(false), aside: part(true) };
}

/**
 * The points with their x and their y dealt out anew, each by itself; the labels stay.
 * @param {Points} points
 * @param {number} seed
 * @returns {Points}
 */
export function shuffled({ x, y, label }, seed) {
  const random = generator(seed);
  const deal = (/** @type {number[]} */ list) =>
    sample(random, list.length).map((index) => list[index]);
  return { x: deal(x), y: deal(y), label };
}

/**
 * The mean point of each label 0 … k − 1, all of which must occur.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} label
 * @returns {Pair[]}
 */
export function means(x, y, label) {
  checkPairs(x, y);
  return Array.from({ length: Math.max(...label) + 1 }, (_, k) => {
    const own = (/** @type {number[]} */ list) => list.filter((_, i) => label[i] === k);
    if (!label.includes(k)) throw new Error(`no point has the label ${k}; leave no label out`);
    return /** @type {Pair} */ ([mean(own(x)), mean(own(y))]);
  });
}

/**
 * The nearest of some centres (the first of equally near ones), and how far each is.
 * @param {number[]} point
 * @param {number[][]} centres
 */
export function nearest(point, centres) {
  const distances = centres.map((centre) => Math.hypot(point[0] - centre[0], point[1] - centre[1]));
  return { index: distances.indexOf(Math.min(...distances)), distances };
}

/**
 * The nearest centre of every point.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[][]} centres
 */
export function assign(x, y, centres) {
  return x.map((value, i) => nearest([value, y[i]], centres).index);
}

/**
 * k-means from given centres, until no point changes its group. A group that lost all its points
 * keeps its centre.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[][]} start
 */
export function lloyd(x, y, start) {
  checkPairs(x, y);
  let centres = start;
  /** @type {number[]} */
  let group = [];
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const next = assign(x, y, centres);
    if (next.every((k, i) => k === group[i])) break;
    group = next;
    centres = centres.map((centre, k) => {
      const own = (/** @type {number[]} */ list) => list.filter((_, i) => next[i] === k);
      return next.includes(k) ? [mean(own(x)), mean(own(y))] : centre;
    });
  }
  const inertia = sum(
    group.map((k, i) => (x[i] - centres[k][0]) ** 2 + (y[i] - centres[k][1]) ** 2),
  );
  return { centres, group, inertia };
}

/**
 * The best of several runs of k-means, each from k of the points; the groups from left to right.
 * @param {number[]} x
 * @param {number[]} y
 * @param {number} k
 * @param {number} runs
 * @param {number} seed
 */
export function kMeans(x, y, k, runs = 20, seed = 1) {
  const random = generator(seed);
  const found = Array.from({ length: runs }, () =>
    lloyd(
      x,
      y,
      sample(random, x.length, k).map((i) => [x[i], y[i]]),
    ),
  );
  const best = found.reduce((least, run) => (run.inertia < least.inertia ? run : least));
  const centres = [...best.centres].sort((a, b) => a[0] - b[0]);
  return { centres, group: assign(x, y, centres), inertia: best.inertia };
}

/**
 * The line along which the points vary most, pointing to the right.
 * @param {number[]} x
 * @param {number[]} y
 * @returns {Axis}
 */
export function principalAxis(x, y) {
  checkPairs(x, y);
  const middle = /** @type {Pair} */ ([mean(x), mean(y)]);
  const [dx, dy] = [x.map((value) => value - middle[0]), y.map((value) => value - middle[1])];
  const { vectors } = eigen([
    [dot(dx, dx), dot(dx, dy)],
    [dot(dx, dy), dot(dy, dy)],
  ]);
  const [u, v] = vectors[1];
  return { mean: middle, direction: u < 0 ? [-u, -v] : [u, v] };
}

/**
 * A point put on an axis: how far along it from the mean, where, and how far that is from the point.
 * @param {number[]} point
 * @param {Axis} axis
 */
export function project([x, y], { mean: [mx, my], direction: [u, v] }) {
  const along = (x - mx) * u + (y - my) * v;
  const foot = /** @type {Pair} */ ([mx + along * u, my + along * v]);
  return { along, foot, lost: Math.hypot(x - foot[0], y - foot[1]) };
}

/**
 * The share of the squared distances from the mean that is left when points are put on an axis.
 * @param {number[]} x
 * @param {number[]} y
 * @param {Axis} axis
 */
export function keptShare(x, y, axis) {
  const [mx, my] = axis.mean;
  const all = sum(x.map((value, i) => (value - mx) ** 2 + (y[i] - my) ** 2));
  return sum(x.map((value, i) => project([value, y[i]], axis).along ** 2)) / all;
}

/**
 * The share of equal entries.
 * @param {number[]} guesses
 * @param {number[]} label
 */
export function accuracy(guesses, label) {
  return mean(guesses.map((guess, i) => Number(guess === label[i])));
}

/**
 * The label that occurs most often; of equals, the smallest.
 * @param {number[]} label
 */
export function commonest(label) {
  const count = (/** @type {number} */ k) => label.filter((value) => value === k).length;
  return [...new Set(label)].sort((a, b) => count(b) - count(a) || a - b)[0];
}

/**
 * The mean distance between predictions and targets.
 * @param {number[]} y_hat
 * @param {number[]} y
 */
export function meanAbsoluteError(y_hat, y) {
  return mean(y_hat.map((value, i) => Math.abs(value - y[i])));
}

/**
 * Hubert and Arabie's adjusted Rand index: 1 for the same groups, 0 on average for random ones.
 * @param {number[]} a
 * @param {number[]} b
 */
export function adjustedRand(a, b) {
  const pairs = (/** @type {(number | string)[]} */ keys) => {
    /** @type {Map<number | string, number>} */
    const counts = new Map();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    return sum([...counts.values()].map((n) => (n * (n - 1)) / 2));
  };
  const [inA, inB] = [pairs(a), pairs(b)];
  const inBoth = pairs(a.map((key, i) => `${key} ${b[i]}`));
  const expected = (inA * inB) / ((a.length * (a.length - 1)) / 2);
  const most = (inA + inB) / 2;
  return most === expected ? 1 : (inBoth - expected) / (most - expected);
}

/**
 * The part of a box where each centre is the nearest: convex polygons, as lists of corners. The box is
 * cut by the perpendicular bisector to every other centre.
 * @param {number[][]} centres
 * @param {{ x: number[], y: number[] }} box
 */
export function regions(centres, { x: [left, right], y: [low, high] }) {
  return centres.map((own, k) => {
    let corners = [
      [left, low],
      [right, low],
      [right, high],
      [left, high],
    ];
    for (const [other, centre] of centres.entries()) {
      if (other === k) continue;
      // Positive where `own` is nearer than `centre`.
      const side = (/** @type {number[]} */ [px, py]) =>
        (px - centre[0]) ** 2 + (py - centre[1]) ** 2 - (px - own[0]) ** 2 - (py - own[1]) ** 2;
      corners = corners.flatMap((corner, i) => {
        const next = corners[(i + 1) % corners.length];
        const [here, there] = [side(corner), side(next)];
        const kept = here >= 0 ? [corner] : [];
        if (here >= 0 === there >= 0) return kept;
        // `side` is linear, so it crosses zero at this part of the way.
        const part = here / (here - there);
        const crossing = corner.map((value, axis) => value + part * (next[axis] - value));
        return [...kept, crossing];
      });
    }
    return corners;
  });
}

/**
 * All four models, made from the points that are seen, and judged on those put aside: each has a
 * score and, beside it, that of an answer that takes no learning.
 * @param {Points} points
 * @param {number} k groups asked of k-means
 */
export function answers(points, k) {
  const { seen, aside } = split(points);
  const centres = means(seen.x, seen.y, seen.label);
  const usual = commonest(seen.label);
  const line = leastSquares(seen.x, seen.y);
  const typical = mean(seen.y);
  const clusters = kMeans(seen.x, seen.y, k);
  const axis = principalAxis(seen.x, seen.y);
  /** @type {Axis} */
  const flat = { mean: axis.mean, direction: [1, 0] };
  const always = (/** @type {number} */ value) => aside.y.map(() => value);
  return {
    classification: {
      centres,
      usual,
      score: accuracy(assign(aside.x, aside.y, centres), aside.label),
      baseline: accuracy(always(usual), aside.label),
    },
    regression: {
      line,
      typical,
      score: meanAbsoluteError(
        aside.x.map((value) => line[0] * value + line[1]),
        aside.y,
      ),
      baseline: meanAbsoluteError(always(typical), aside.y),
    },
    clustering: {
      centres: clusters.centres,
      score: adjustedRand(assign(aside.x, aside.y, clusters.centres), aside.label),
      baseline: 0,
    },
    reduction: {
      axis,
      score: keptShare(aside.x, aside.y, axis),
      baseline: keptShare(aside.x, aside.y, flat),
    },
  };
}
