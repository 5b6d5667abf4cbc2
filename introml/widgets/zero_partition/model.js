// What a rank holds and sends under ZeRO. Ψ parameters, n ranks; stage 0 is plain data parallel.

/** Bytes a parameter of the parameters, gradients and optimizer states with Adam. */
const RECIPES = {
  mixed: [2, 2, 12], // bf16, bf16, and in fp32: a finer copy, the mean and the mean square
  fp32: [4, 4, 8],
};

/** @typedef {{ parameters: number, ranks: number, stage: number, recipe: keyof typeof RECIPES }} Setting */

/**
 * Bytes that the rank with the most holds between backward pass and step.
 * @param {Setting} setting
 */
export function held({ parameters, ranks, stage, recipe }) {
  const own = Math.ceil(parameters / ranks);
  const [weights, gradients, states] = RECIPES[recipe];
  const parts = {
    parameters: weights * (stage >= 3 ? own : parameters),
    gradients: gradients * (stage >= 2 ? own : parameters),
    states: states * (stage >= 1 ? own : parameters),
  };
  return { ...parts, total: parts.parameters + parts.gradients + parts.states };
}

/**
 * Bytes that a rank sends in a step, the mean of all ranks: each of two collectives, or three in
 * stage 3, sends each part once to every rank but one.
 * @param {Setting} setting
 */
export function sent({ parameters, ranks, stage, recipe }) {
  const collectives = stage === 3 ? 3 : 2;
  return (collectives * (ranks - 1) * parameters * RECIPES[recipe][0]) / ranks;
}

/**
 * The fewest ranks whose share fits into a memory, or null if no number of them does.
 * @param {Setting} setting
 * @param {number} memory in bytes
 */
export function ranksToFit(setting, memory) {
  const fits = (/** @type {number} */ ranks) => held({ ...setting, ranks }).total <= memory;
  const most = Math.ceil(setting.parameters);
  if (!fits(most)) return null;
  let [low, high] = [0, most]; // high fits, low doesn't: what is held never grows with the ranks
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}
