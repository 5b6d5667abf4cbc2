// Programs of many lanes that write one cell each: who writes which, and what goes wrong.

/**
 * How many programs there are: as many as cover the array, unless a number is given.
 * @param {number} size
 * @param {number} block
 * @param {number} grid 0: as many as needed
 */
export function programs(size, block, grid) {
  return grid || Math.ceil(size / block);
}

/**
 * The order in which the programs run: their own, or the odd ones backwards and then the even ones.
 * @param {number} count
 * @param {boolean} shuffled
 */
export function order(count, shuffled) {
  const own = Array.from({ length: count }, (_, program) => program);
  if (!shuffled) return own;
  const odd = own.filter((program) => program % 2 === 1).reverse();
  return [...odd, ...own.filter((program) => program % 2 === 0)];
}

/**
 * The cell of a lane: program · block + lane.
 * @param {number} program
 * @param {number} lane
 * @param {number} block
 */
export function cellOf(program, lane, block) {
  return program * block + lane;
}

/**
 * What the programs that are done did: the cells of the array that are written, those beyond it
 * that were written as well, the lanes that were masked off, and the cells that nobody wrote.
 * @param {number} size
 * @param {number} block
 * @param {boolean} mask
 * @param {number[]} done numbers of programs
 */
export function after(size, block, mask, done) {
  const written = new Set();
  const strays = new Set();
  let masked = 0;
  for (const program of done) {
    for (let lane = 0; lane < block; lane += 1) {
      const cell = cellOf(program, lane, block);
      if (cell < size) written.add(cell);
      else if (mask) masked += 1;
      else strays.add(cell);
    }
  }
  const left = Array.from({ length: size }, (_, cell) => cell).filter((cell) => !written.has(cell));
  const sorted = (/** @type {Set<number>} */ cells) => [...cells].sort((a, b) => a - b);
  return { written: sorted(written), strays: sorted(strays), masked, left };
}
