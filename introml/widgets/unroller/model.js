// A recurrent layer that reads a text: its states forward, and the gradient of what it ends with,
// walked back through all steps. A matrix is a list of rows; x and h multiply from the left.

import { generator, normal } from "../maths/random.js";

/** @typedef {"rnn" | "linear" | "lstm" | "gru"} Cell */
/** @typedef {number[][]} Rows */
/**
 * @typedef {object} Weights
 * @property {Rows} W_x (D, parts · H)
 * @property {Rows} W_h (H, parts · H)
 * @property {number[]} b (parts · H)
 */
/**
 * @typedef {object} Step what one step computed
 * @property {number[]} h the state after it
 * @property {number[]} c an LSTM's cell after it; elsewhere the state again
 * @property {number[][]} parts each part after its sigmoid or tanh, (parts, H)
 * @property {number[]} fresh a GRU's h W_h of the part n, before r multiplies it; else empty
 */
/**
 * @typedef {object} Walk
 * @property {number[]} inputs the norm of the gradient by each step's input
 * @property {number[]} states the norm of the gradient by the state after each step
 * @property {number} total the norm of the gradients by W_x, W_h and b together
 */

/** Numbers of a state. */
export const H = 16;
/** Numbers that stand for a character. */
export const D = 4;
/** In torch's order: RNN its one part, linear or bent by tanh; LSTM i, f, g, o; GRU r, z, n. */
export const PARTS = { rnn: 1, linear: 1, lstm: 4, gru: 3 };
/** The part that keeps what was there: an LSTM's f, a GRU's z. */
const KEEPS = 1;

/** @param {number} x */
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/**
 * v W for a row v.
 * @param {number[]} v
 * @param {Rows} W
 */
function times(v, W) {
  const out = new Array(W[0].length).fill(0);
  for (let i = 0; i < v.length; i += 1) {
    for (let j = 0; j < out.length; j += 1) out[j] += v[i] * W[i][j];
  }
  return out;
}

/**
 * v Wᵀ.
 * @param {number[]} v
 * @param {Rows} W
 */
const backThrough = (v, W) =>
  W.map((row) => {
    let sum = 0;
    for (let j = 0; j < v.length; j += 1) sum += v[j] * row[j];
    return sum;
  });

/**
 * `values` cut into equal parts.
 * @param {number[]} values
 * @param {number} count
 */
function cut(values, count) {
  const size = values.length / count;
  return Array.from({ length: count }, (_, k) => values.slice(k * size, (k + 1) * size));
}

/** @param {number[]} values */
const norm = (values) => Math.hypot(...values);

/**
 * The steps of a layer that begins with an empty state.
 * @param {Cell} cell
 * @param {Weights} weights
 * @param {Rows} inputs
 * @returns {Step[]}
 */
export function forward(cell, { W_x, W_h, b }, inputs) {
  const count = PARTS[cell];
  const size = W_h.length;
  let h = new Array(size).fill(0);
  let c = h;
  return inputs.map((x) => {
    const fromX = cut(times(x, W_x), count);
    const fromH = cut(times(h, W_h), count);
    const bias = cut(b, count);
    const sum = (/** @type {number} */ k) => fromX[k].map((v, j) => v + bias[k][j] + fromH[k][j]);
    /** @type {number[][]} */
    let parts;
    /** @type {number[]} */
    let fresh = [];
    if (cell === "rnn" || cell === "linear") {
      h = cell === "rnn" ? sum(0).map(Math.tanh) : sum(0);
      c = h;
      parts = [h];
    } else if (cell === "lstm") {
      parts = [
        sum(0).map(sigmoid),
        sum(1).map(sigmoid),
        sum(2).map(Math.tanh),
        sum(3).map(sigmoid),
      ];
      const [i, f, g, o] = parts;
      const before = c;
      c = i.map((_, j) => f[j] * before[j] + i[j] * g[j]);
      h = c.map((value, j) => o[j] * Math.tanh(value));
    } else {
      const [r, z] = [sum(0).map(sigmoid), sum(1).map(sigmoid)];
      fresh = fromH[2];
      const n = r.map((value, j) => Math.tanh(fromX[2][j] + bias[2][j] + value * fresh[j]));
      const before = h;
      h = z.map((keep, j) => keep * before[j] + (1 - keep) * n[j]);
      c = h;
      parts = [r, z, n];
    }
    return { h, c, parts, fresh };
  });
}

/**
 * The gradient of L = (h₁ + … + h_H)/√H of the last state, whose norm by that state is 1, back through
 * all steps. With a window, it is cut before every step whose number, from 0, is a multiple of it.
 * @param {Cell} cell
 * @param {Weights} weights
 * @param {Rows} inputs
 * @param {number} window 0: never cut
 * @returns {Walk}
 */
export function backward(
  cell,
  weights,
  inputs,
  window = 0,
  steps = forward(cell, weights, inputs),
) {
  const { W_x, W_h } = weights;
  const size = W_h.length;
  const wide = PARTS[cell] * size;
  const zero = () => new Array(size).fill(0);
  /** @type {Walk} */
  const walk = { inputs: [], states: [], total: 0 };
  const [forX, forH] = [W_x, W_h].map((W) => W.map((row) => row.map(() => 0)));
  const forB = new Array(wide).fill(0);
  let dh = zero().map(() => 1 / Math.sqrt(size));
  let dc = zero();
  for (let t = inputs.length - 1; t >= 0; t -= 1) {
    const { c, parts, fresh } = steps[t];
    const before = t > 0 ? steps[t - 1] : { h: zero(), c: zero() };
    walk.states.unshift(norm(dh));
    /** @type {number[]} the gradient by the sums of x W_x + b */
    let da;
    /** @type {number[]} the gradient by h W_h */
    let dr;
    /** @type {number[]} what reaches the state before without a matrix */
    let straight = zero();
    if (cell === "rnn" || cell === "linear") {
      da = cell === "rnn" ? dh.map((g, j) => g * (1 - parts[0][j] ** 2)) : dh;
      dr = da;
    } else if (cell === "lstm") {
      const [i, f, g, o] = parts;
      const bent = c.map(Math.tanh);
      const whole = dc.map((value, j) => value + dh[j] * o[j] * (1 - bent[j] ** 2));
      da = [
        ...whole.map((v, j) => v * g[j] * i[j] * (1 - i[j])),
        ...whole.map((v, j) => v * before.c[j] * f[j] * (1 - f[j])),
        ...whole.map((v, j) => v * i[j] * (1 - g[j] ** 2)),
        ...dh.map((v, j) => v * bent[j] * o[j] * (1 - o[j])),
      ];
      dr = da;
      dc = whole.map((v, j) => v * f[j]);
    } else {
      const [r, z, n] = parts;
      const inside = dh.map((v, j) => v * (1 - z[j]) * (1 - n[j] ** 2));
      const reset = inside.map((v, j) => v * fresh[j] * r[j] * (1 - r[j]));
      const keep = dh.map((v, j) => v * (before.h[j] - n[j]) * z[j] * (1 - z[j]));
      da = [...reset, ...keep, ...inside];
      dr = [...reset, ...keep, ...inside.map((v, j) => v * r[j])];
      straight = dh.map((v, j) => v * z[j]);
    }
    walk.inputs.unshift(norm(backThrough(da, W_x)));
    for (let j = 0; j < wide; j += 1) {
      forB[j] += da[j];
      for (let i = 0; i < forX.length; i += 1) forX[i][j] += inputs[t][i] * da[j];
      for (let i = 0; i < size; i += 1) forH[i][j] += before.h[i] * dr[j];
    }
    dh = backThrough(dr, W_h).map((v, j) => v + straight[j]);
    if (window > 0 && t % window === 0) [dh, dc] = [zero(), zero()];
  }
  walk.total = norm([...forX.flat(), ...forH.flat(), ...forB]);
  return walk;
}

/**
 * The largest absolute value of the eigenvalues of a square matrix: the limit of ‖Wᵏ‖^(1/k), with k
 * doubled forty times (Gelfand's formula). 0 for the matrix of zeros.
 * @param {Rows} W
 */
export function spectralRadius(W) {
  let power = W;
  let logarithm = 0; // of the factors taken out, each by the power's share of one W
  for (let doubling = 0; doubling < 40; doubling += 1) {
    const size = norm(power.flat());
    if (size === 0) return 0;
    logarithm += Math.log(size) / 2 ** doubling;
    const scaled = power.map((row) => row.map((value) => value / size));
    power = scaled.map((row) => times(row, scaled));
  }
  const size = norm(power.flat());
  return size === 0 ? 0 : Math.exp(logarithm + Math.log(size) / 2 ** 40);
}

/**
 * The layer that the figure draws: inputs' weights normal, an RNN's W_h scaled to the spectral
 * radius, an LSTM's and a GRU's of variance 1/H, and the bias of the gate that keeps.
 * @param {Cell} cell
 * @param {number} seed
 * @param {number} radius
 * @param {number} keep
 * @returns {Weights}
 */
export function layer(cell, seed, radius, keep) {
  const random = generator(seed);
  const wide = PARTS[cell] * H;
  const rows = (/** @type {number} */ count, /** @type {number} */ scale) =>
    Array.from({ length: count }, () => Array.from({ length: wide }, () => scale * normal(random)));
  const W_x = rows(D, 0.5 / Math.sqrt(D));
  let W_h = rows(H, 1 / Math.sqrt(H));
  const b = new Array(wide).fill(0);
  if (cell === "lstm" || cell === "gru") {
    for (let j = 0; j < H; j += 1) b[KEEPS * H + j] = keep;
  } else {
    const factor = radius / spectralRadius(W_h);
    W_h = W_h.map((row) => row.map((value) => value * factor));
  }
  return { W_x, W_h, b };
}

/**
 * Each character as D numbers, the same for the same character.
 * @param {string[]} characters
 */
export function inputsOf(characters) {
  return characters.map((character) => {
    const random = generator(7919 * /** @type {number} */ (character.codePointAt(0)));
    return Array.from({ length: D }, () => normal(random));
  });
}

/**
 * By what all gradients are multiplied so that their norm is at most `most`; 0: no limit.
 * @param {number} total
 * @param {number} most
 */
export function clipFactor(total, most) {
  return most > 0 && total > most ? most / total : 1;
}
