// Seeded random numbers: the same seed gives the same numbers in every browser, so a picture and its
// read-out can be tested and linked to. Nothing in a widget may call Math.random.

/** @typedef {() => number} Random numbers in [0, 1), one a call */

/**
 * Numbers in [0, 1), one a call, each a multiple of 2⁻³²: Tommy Ettinger's mulberry32 (public domain).
 * Good enough to shuffle and to draw pictures; not for secrets.
 * @param {number} seed
 * @returns {Random}
 */
export function generator(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * `count` different whole numbers of 0 … n − 1, every choice and order equally likely; without
 * `count`, all of them shuffled. The front of a Fisher–Yates shuffle (Durstenfeld's form).
 * @param {Random} random
 * @param {number} n
 */
export function sample(random, n, count = n) {
  return sampler(n)(random, count);
}

/**
 * As `sample`, for many draws from the same n: it keeps one list and puts it back in order.
 * @param {number} n
 */
export function sampler(n) {
  const items = Array.from({ length: n }, (_, i) => i);
  const swap = (/** @type {number} */ i, /** @type {number} */ j) => {
    const kept = items[i];
    items[i] = items[j];
    items[j] = kept;
  };
  return (/** @type {Random} */ random, count = n) => {
    const partners = [];
    for (let i = 0; i < count; i += 1) {
      partners.push(i + Math.floor(random() * (n - i)));
      swap(i, partners[i]);
    }
    const drawn = items.slice(0, count);
    for (let i = count - 1; i >= 0; i -= 1) swap(i, partners[i]);
    return drawn;
  };
}

/**
 * One normal number with mean 0 and variance 1 (Box and Muller, 1958).
 * @param {Random} random
 */
export function normal(random) {
  // 1 − u is never 0, so the logarithm is finite.
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * The first `count` numbers of a seed.
 * @param {number} seed
 * @param {number} count
 */
export function uniforms(seed, count) {
  const random = generator(seed);
  return Array.from({ length: count }, () => random());
}

/**
 * The first `count` normal numbers of a seed.
 * @param {number} seed
 * @param {number} count
 */
export function normals(seed, count) {
  const random = generator(seed);
  return Array.from({ length: count }, () => normal(random));
}
