// Where the three tensors lie: side by side, the blocks of each below one another.

const LARGEST_CELL = 42;
const LEAST_HEIGHT = 150;
const MOST_HEIGHT = 430;
const TITLE = 24;
const TITLE_WIDTH = 140;
const BLOCK_GAP = 10;

/**
 * A shape with three axes, 1 for those that it lacks.
 * @param {number[]} shape
 */
const padded = (shape) => [...Array(3 - shape.length).fill(1), ...shape];

/**
 * The side of a cell, the height of the drawing, and where each tensor begins.
 * @param {number} width
 * @param {number[][]} shapes the drawn shapes of A, B and the sum
 */
export function layOut(width, shapes) {
  const all = shapes.map(padded);
  const sign = width < 520 ? 18 : 34;
  const room = (width - 2 * sign) / 3;
  const across = Math.max(...all.map(([, , columns]) => columns));
  const down = Math.max(...all.map(([blocks, rows]) => blocks * rows));
  const gaps = BLOCK_GAP * (Math.max(...all.map(([blocks]) => blocks)) - 1);
  const tallest = MOST_HEIGHT - TITLE - gaps - 4;
  const cell = Math.floor(Math.min(LARGEST_CELL, (room - 4) / across, tallest / down));
  const tall = Math.max(
    ...all.map(([blocks, rows]) => blocks * rows * cell + (blocks - 1) * BLOCK_GAP),
  );
  const height = Math.max(LEAST_HEIGHT, TITLE + tall + 4);
  // No wider than its cells or its title, so that the three stand near each other.
  const panel = Math.min(room, Math.max(across * cell + 4, TITLE_WIDTH));
  return { cell, height, sign, starts: [0, 1, 2].map((i) => i * (panel + sign)) };
}

/**
 * The upper left corner of a cell.
 * @param {ReturnType<typeof layOut>} at
 * @param {number} which 0 for A, 1 for B, 2 for the sum
 * @param {number[]} shape
 * @param {number[]} index
 */
export function corner(at, which, shape, index) {
  const [, rows] = padded(shape);
  const missing = 3 - shape.length;
  const [block, row, column] = [...Array(missing).fill(0), ...index];
  return {
    x: at.starts[which] + 2 + column * at.cell,
    y: TITLE + (block * rows + row) * at.cell + block * BLOCK_GAP,
  };
}
