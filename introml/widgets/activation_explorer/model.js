// Six activation functions with their derivatives, and a plain network of random layers, walked
// forward with a small difference between two inputs and backward with a gradient.

import { generator, normal } from "../maths/random.js";

/** @typedef {"sigmoid" | "tanh" | "relu" | "leaky_relu" | "gelu" | "silu"} Name */
/** @typedef {[value: number, slope: number]} ValueAndSlope */
/** @typedef {"xavier" | "he" | "pytorch"} Scheme */
/**
 * @typedef {object} Network
 * @property {ArrayLike<number>[]} layers each layer's weights, row by row: the inputs of one unit a row
 * @property {ArrayLike<number>} input
 * @property {ArrayLike<number>} nudge the direction in which a second input differs from the first
 * @property {ArrayLike<number>} top the gradient with which the walk back begins
 */

/** Units in a layer. */
export const WIDTH = 64;
/** The most layers that are drawn. */
export const DEEPEST = 30;
/** PyTorch's default slope of a leaky ReLU left of 0. */
const LEAK = 0.01;
/** From here on the tail of the normal distribution comes from a continued fraction. */
const TAIL = 3;

/** @param {number} x */
const density = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/**
 * Φ(x), the probability that a standard normal number lies below x: Abramowitz and Stegun, 26.2.11
 * in the middle and 26.2.14 in the tails.
 * @param {number} x
 */
export function normalBelow(x) {
  if (Math.abs(x) < TAIL) {
    let [term, sum] = [x, x];
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + density(x) * sum;
  }
  const size = Math.abs(x);
  let below = size;
  for (let k = 80; k >= 1; k -= 1) below = size + k / below;
  const tail = density(x) / below;
  return x < 0 ? tail : 1 - tail;
}

/** @param {number} x */
function sigmoid(x) {
  const small = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : small) / (1 + small);
}

/** @type {Record<Name, (x: number) => ValueAndSlope>} */
const FUNCTIONS = {
  sigmoid: (x) => [sigmoid(x), sigmoid(x) * sigmoid(-x)],
  tanh: (x) => [Math.tanh(x), 4 * sigmoid(2 * x) * sigmoid(-2 * x)],
  // At the kink the slope is that of the left side, as in PyTorch.
  relu: (x) => (x > 0 ? [x, 1] : [0, 0]),
  leaky_relu: (x) => (x > 0 ? [x, 1] : [LEAK * x, LEAK]),
  gelu: (x) => {
    const below = normalBelow(x);
    return [x * below, below + x * density(x)];
  },
  silu: (x) => {
    const gate = sigmoid(x);
    return [x * gate, gate + x * gate * sigmoid(-x)];
  },
};

/**
 * The function and its derivative at x.
 * @param {Name} name
 * @param {number} x
 */
export function valueAndSlope(name, x) {
  return FUNCTIONS[name](x);
}

/**
 * What the same slope leaves, multiplied once for each layer.
 * @param {number} slope
 * @param {number} depth
 */
export function chained(slope, depth) {
  return slope ** depth;
}

/**
 * The variance of a weight in a layer of `width` inputs and outputs.
 * @param {Scheme} scheme
 */
export function variance(scheme, width = WIDTH) {
  return { xavier: 1, he: 2, pytorch: 1 / 3 }[scheme] / width;
}

/** @param {ArrayLike<number>} vector */
function norm(vector) {
  // Divided by the largest first: the squares of very small numbers would be zero.
  let largest = 0;
  for (let i = 0; i < vector.length; i += 1) largest = Math.max(largest, Math.abs(vector[i]));
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = 0; i < vector.length; i += 1) sum += (vector[i] / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/**
 * A network's walk forward and back: h ← f(scale · W h), layer by layer, and what is left of `nudge`
 * after each layer and of `top` before each, relative to where they set out. Entry l of both is
 * between layer l and layer l + 1, entry 0 at the input.
 * @param {Name} name
 * @param {Network} network
 * @param {number} scale a factor on all weights
 * @param {number} depth how many of the layers are used
 * @returns {{ signal: number[], gradient: number[] }}
 */
export function passes(name, { layers, input, nudge, top }, scale, depth) {
  const width = input.length;
  const f = FUNCTIONS[name];
  let [h, change] = [Float64Array.from(input), Float64Array.from(nudge)];
  const started = norm(change);
  const signal = [1];
  /** @type {Float64Array[]} */
  const slopes = [];
  for (let layer = 0; layer < depth; layer += 1) {
    const weights = layers[layer];
    const [next, moved, bent] = [0, 0, 0].map(() => new Float64Array(width));
    for (let i = 0; i < width; i += 1) {
      let [a, da] = [0, 0];
      for (let j = 0, at = i * width; j < width; j += 1, at += 1) {
        a += weights[at] * h[j];
        da += weights[at] * change[j];
      }
      [next[i], bent[i]] = f(scale * a);
      moved[i] = bent[i] * scale * da;
    }
    slopes.push(bent);
    [h, change] = [next, moved];
    signal.push(norm(change) / started);
  }
  let arriving = Float64Array.from(top);
  const sent = norm(arriving);
  const gradient = [1];
  for (let layer = depth - 1; layer >= 0; layer -= 1) {
    const weights = layers[layer];
    const handed = new Float64Array(width);
    for (let i = 0; i < width; i += 1) {
      const factor = arriving[i] * slopes[layer][i] * scale;
      for (let j = 0, at = i * width; j < width; j += 1, at += 1) handed[j] += factor * weights[at];
    }
    arriving = handed;
    gradient.unshift(norm(arriving) / sent);
  }
  return { signal, gradient };
}

/**
 * A network of standard normal numbers, which `passes` scales.
 * @param {number} seed
 * @returns {Network}
 */
export function draw(seed, width = WIDTH, depth = DEEPEST) {
  const random = generator(seed);
  const numbers = (/** @type {number} */ count) => {
    const drawn = new Float64Array(count);
    for (let i = 0; i < count; i += 1) drawn[i] = normal(random);
    return drawn;
  };
  const [input, nudge, top] = [0, 0, 0].map(() => numbers(width));
  return { layers: Array.from({ length: depth }, () => numbers(width * width)), input, nudge, top };
}

/**
 * As `passes`, of the network that the figure draws.
 * @param {Name} name
 * @param {Scheme} scheme
 * @param {number} depth
 * @param {number} seed
 */
export function passesOf(name, scheme, depth, seed, network = draw(seed)) {
  return passes(name, network, Math.sqrt(variance(scheme)), depth);
}

/**
 * Whether little, much or about as much is left.
 * @param {number} left
 */
export function verdict(left) {
  if (left < 1e-3) return "vanishes";
  return left > 1e3 ? "explodes" : "survives";
}
