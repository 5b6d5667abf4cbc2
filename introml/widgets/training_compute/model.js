// What training and writing cost. N parameters, D tokens; FLOPs count a multiplication and an addition
// as two. Peaks and bandwidths are those of one GPU, in FLOP/s and B/s.

/** Bytes a parameter in mixed-precision training with Adam, in the order in which they are drawn. */
export const STATE = /** @type {const} */ ([
  ["weights", 2],
  ["gradients", 2],
  ["float32 weights", 4],
  ["mean gradient", 4],
  ["mean square", 4],
]);

const HOUR = 3600;

/**
 * FLOPs of the products of a whole training: 2ND forward, 4ND backward.
 * @param {number} parameters
 * @param {number} tokens
 */
export function trainingFlops(parameters, tokens) {
  return 6 * parameters * tokens;
}

/**
 * How long a training takes on `count` GPUs that reach a share of their peak, and the energy that they
 * draw at their rated power, in joules.
 * @param {{ flops: number, peak: number, power: number, count: number, utilization: number }} run
 */
export function training({ flops, peak, power, count, utilization }) {
  const gpuSeconds = flops / (peak * utilization);
  return {
    seconds: gpuSeconds / count,
    gpuHours: gpuSeconds / HOUR,
    joules: gpuSeconds * power,
  };
}

/**
 * The FLOPs that GPUs do in so many days.
 * @param {{ peak: number, count: number, utilization: number, days: number }} run
 */
export function flopsWithin({ peak, count, utilization, days }) {
  return peak * count * utilization * days * 24 * HOUR;
}

/**
 * Bytes of the weights alone in bfloat16, and of all that mixed-precision training with Adam keeps.
 * @param {number} parameters
 */
export function bytes(parameters) {
  const each = STATE.reduce((sum, [, size]) => sum + size, 0);
  return { weights: STATE[0][1] * parameters, state: each * parameters };
}

/**
 * The fewest GPUs whose memory holds so many bytes.
 * @param {number} size
 * @param {number} memory
 */
export function gpusToHold(size, memory) {
  return Math.ceil(size / memory);
}

/**
 * A token for each of `batch` texts at once: the weights are read once, and every text's products are
 * done with them. Times are lower bounds: at the peak, at the full bandwidth, on ideally shared work.
 * @param {{ parameters: number, batch: number, peak: number, bandwidth: number, count: number }} asked
 */
export function token({ parameters, batch, peak, bandwidth, count }) {
  const flops = 2 * parameters * batch;
  const read = bytes(parameters).weights;
  const computeSeconds = flops / (peak * count);
  const readSeconds = read / (bandwidth * count);
  const seconds = Math.max(computeSeconds, readSeconds);
  return {
    flops,
    read,
    computeSeconds,
    readSeconds,
    bound: readSeconds >= computeSeconds ? "memory" : "compute",
    tokensPerSecond: batch / seconds,
    balance: peak / bandwidth,
  };
}
