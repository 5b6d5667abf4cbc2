// Where the cells lie: the examples are plates of one block, pulled apart so that all can be seen.

const LARGEST_CELL = 50;
const LEFT = 24;
const TITLE = 22;
const DEPTH = 9;
const STEP = 16;
const BELOW = 22;

/**
 * The side of a cell, the size of the drawing, and the upper left corner of each plate. Wide drawings
 * have the plates side by side, each one a step higher; narrow ones have them below one another.
 * @param {number} width
 * @param {[number, number, number]} shape
 */
export function layOut(width, [examples, channels, positions]) {
  const stacked = width < 520;
  const gap = DEPTH + 26;
  const room = width - LEFT - DEPTH - 4;
  const across = stacked
    ? (room - STEP * (examples - 1)) / positions
    : (room - gap * (examples - 1)) / (examples * positions);
  const cell = Math.floor(Math.min(stacked ? 36 : LARGEST_CELL, across));
  const [wide, high] = [cell * positions, cell * channels];
  const corners = Array.from({ length: examples }, (_, n) =>
    stacked
      ? { x: LEFT + n * STEP, y: TITLE + DEPTH + n * (high + TITLE + DEPTH + 6) }
      : { x: LEFT + n * (wide + gap), y: TITLE + DEPTH + (examples - 1 - n) * STEP },
  );
  const height = Math.max(...corners.map(({ y }) => y)) + high + BELOW;
  return { cell, depth: DEPTH, stacked, corners, height, wide, high };
}
