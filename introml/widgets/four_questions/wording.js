// What the picture shows, in sentences.

import { fixed, percent } from "../kit/format.js";
import * as model from "./model.js";
import { SPECIES } from "./points.js";

/** @param {number} value */
const mm = (value) => `${fixed(value, 1)} mm`;

/** @typedef {{ point: number[], found: any }} Seen the reader's penguin, and the model of the question */

/** @type {Record<string, (seen: Seen) => string>} */
const ASKED = {
  classification: () =>
    "Classification: the answer is one of a few names. The colours are the species of the penguins " +
    "measured before. Which is yours?",
  regression: ({ point }) =>
    "Regression: the answer is a number. Of a new penguin only the flipper is known, " +
    `${fixed(point[0], 0)} mm. How long is its bill? Drag the point to your guess.`,
  clustering: ({ found }) =>
    "Clustering: nobody has named a species. Which penguins belong together? Look for " +
    `${found.centres.length} groups.`,
  reduction: () =>
    "Dimensionality reduction: each penguin has two numbers and may keep one. Along which straight " +
    "line would you line them up, to lose the least?",
};

/** @type {Record<string, (seen: Seen) => string>} */
const ANSWERED = {
  classification({ point, found }) {
    const { index, distances } = model.nearest(point, found.centres);
    return (
      `The nearest mean of a species is that of ${SPECIES[index]}, ${mm(distances[index])} away, so ` +
      `the answer is ${SPECIES[index]}. Of 114 penguins put aside, ${percent(found.score)} are named ` +
      `right; always saying ${SPECIES[found.usual]} gets ${percent(found.baseline)}.`
    );
  },
  regression({ point, found }) {
    const [w, b] = found.line;
    const guess = w * point[0] + b;
    return (
      `For a flipper of ${fixed(point[0], 0)} mm the least-squares line says a bill of ${mm(guess)}; ` +
      `yours is ${mm(point[1])}, so it is off by ${mm(Math.abs(guess - point[1]))}. On 114 penguins ` +
      `put aside it is off by ${mm(found.score)} on average; always saying the mean, ` +
      `${mm(found.typical)}, is off by ${mm(found.baseline)}.`
    );
  },
  clustering({ point, found }) {
    const { index, distances } = model.nearest(point, found.centres);
    return (
      `k-means made ${found.centres.length} groups and saw no species; yours joins group ` +
      `${index + 1}, whose centre is ${mm(distances[index])} away. On 114 penguins put aside the ` +
      `groups match the species by ${fixed(found.score)}, where 1 is the same and 0 is what chance ` +
      "gets."
    );
  },
  reduction({ point, found }) {
    const { along, lost } = model.project(point, found.axis);
    return (
      `Yours becomes one number, ${mm(along)} along the first principal component; ${mm(lost)} across ` +
      `it are lost. Of the differences between 114 penguins put aside the line keeps ` +
      `${percent(found.score)}; keeping the flipper and dropping the bill keeps ` +
      `${percent(found.baseline)}.`
    );
  },
};

/**
 * @param {{ task: string, answered: boolean, shuffled: boolean, point: number[], found: any }} shown
 */
export function describe({ task, answered, shuffled, point, found }) {
  const said = (answered ? ANSWERED : ASKED)[task]({ point, found });
  if (!shuffled) return said;
  const all = answered ? " The model answers all the same." : "";
  return `${said} The measurements are shuffled: nothing belongs together any more.${all}`;
}
