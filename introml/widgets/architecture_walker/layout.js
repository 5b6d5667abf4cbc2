// Where each block stands: as wide as the root of its channels, as high and as deep as the root of
// its maps, so that 4,096 channels and 224 rows still fit beside 3 and 1.

/** @import { Maps } from "./model.js" */

/**
 * @typedef {{ x: number, width: number, height: number, deep: number, middle: number }} Place
 *   `deep`: how far the block recedes, to the right and half as far up
 */

const EDGE = 8;

/**
 * @param {Maps[]} maps the picture first
 * @param {number} width pixels for all
 * @param {number} height pixels for the first block's front
 * @returns {Place[]}
 */
export function layOut(maps, width, height) {
  const tallest = Math.sqrt(Math.max(...maps.map(({ size }) => size)));
  const narrow = width < 480;
  const shapes = maps.map(({ channels, size }) => {
    const tall = (height * Math.sqrt(size)) / tallest;
    return {
      root: Math.sqrt(channels),
      height: Math.max(tall, 5),
      deep: (narrow ? 0.2 : 0.3) * tall,
    };
  });
  const least = narrow ? 2 : 3;
  const gaps = shapes
    .slice(0, -1)
    .map(({ deep }) => (narrow ? 2 : 5) + (narrow ? 0.3 : 0.6) * deep);
  const last = shapes[shapes.length - 1];
  const room = width - 2 * EDGE - last.deep - gaps.reduce((sum, gap) => sum + gap, 0);
  const roots = shapes.reduce((sum, { root }) => sum + root, 0);
  const scale = Math.min(22, Math.max(0, room - least * shapes.length) / roots);
  let x = EDGE;
  return shapes.map(({ root, height: tall, deep }, at) => {
    const wide = least + scale * root;
    const place = { x, width: wide, height: tall, deep, middle: x + wide / 2 };
    x += wide + (gaps[at] ?? 0);
    return place;
  });
}
