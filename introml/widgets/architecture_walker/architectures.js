// The networks as data: what a layer is told, and nothing that follows from it.

/**
 * @typedef {{ kind: "conv", out: number, k: number, s?: number, p?: number, bias?: boolean,
 *   norm?: boolean }} Conv `norm`: batch normalization follows, two parameters a channel
 * @typedef {{ kind: "max" | "mean", k: number, s: number, p?: number, ceil?: boolean }} Pool
 * @typedef {{ kind: "global" }} Global the mean of each whole map
 * @typedef {{ kind: "dense", out: number }} Dense
 * @typedef {{ kind: "block", name: string, join: "stack" | "add",
 *   branches: (Conv | Pool)[][] }} Block an empty branch hands on what comes in
 * @typedef {Conv | Pool | Global | Dense} Simple
 * @typedef {Simple | Block} Layer
 * @typedef {{ channels: number, size: number, layers: Layer[] }} Network
 */

/** @type {(out: number, k: number, more?: Partial<Conv>) => Conv} */
const conv = (out, k, more = {}) => ({ kind: "conv", out, k, ...more });

/** @type {(out: number, k: number, more?: Partial<Conv>) => Conv} */
const same = (out, k, more = {}) => conv(out, k, { p: (k - 1) / 2, ...more });

/** @type {(k: number, s: number, more?: Partial<Pool>) => Pool} */
const max = (k, s, more = {}) => ({ kind: "max", k, s, ...more });

/** @type {(out: number) => Dense} */
const dense = (out) => ({ kind: "dense", out });

/** @type {Pool} */
const halving = { kind: "mean", k: 2, s: 2 };

/** @type {Network} */
const lenet = {
  channels: 1,
  size: 28,
  layers: [same(6, 5), halving, conv(16, 5), halving, dense(120), dense(84), dense(10)],
};

/** @type {Network} */
const alexnet = {
  channels: 3,
  size: 224,
  layers: [
    conv(64, 11, { s: 4, p: 2 }),
    max(3, 2),
    same(192, 5),
    max(3, 2),
    same(384, 3),
    same(256, 3),
    same(256, 3),
    max(3, 2),
    dense(4096),
    dense(4096),
    dense(1000),
  ],
};

/**
 * @param {number[]} repeats
 * @returns {Network}
 */
const vgg = (repeats) => ({
  channels: 3,
  size: 224,
  layers: [
    ...[64, 128, 256, 512, 512].flatMap((out, group) => [
      ...Array.from({ length: repeats[group] }, () => same(out, 3)),
      max(2, 2),
    ]),
    dense(4096),
    dense(4096),
    dense(1000),
  ],
});

/**
 * @param {string} name
 * @param {number} one
 * @param {[number, number]} three
 * @param {[number, number]} five
 * @param {number} pooled
 * @returns {Block}
 */
const inception = (name, one, three, five, pooled) => ({
  kind: "block",
  name: `Inception ${name}`,
  join: "stack",
  branches: [
    [same(one, 1)],
    [same(three[0], 1), same(three[1], 3)],
    [same(five[0], 1), same(five[1], 5)],
    [max(3, 1, { p: 1 }), same(pooled, 1)],
  ],
});

/** @type {Network} */
const googlenet = {
  channels: 3,
  size: 224,
  layers: [
    same(64, 7, { s: 2 }),
    max(3, 2, { ceil: true }),
    same(64, 1),
    same(192, 3),
    max(3, 2, { ceil: true }),
    inception("3a", 64, [96, 128], [16, 32], 32),
    inception("3b", 128, [128, 192], [32, 96], 64),
    max(3, 2, { ceil: true }),
    inception("4a", 192, [96, 208], [16, 48], 64),
    inception("4b", 160, [112, 224], [24, 64], 64),
    inception("4c", 128, [128, 256], [24, 64], 64),
    inception("4d", 112, [144, 288], [32, 64], 64),
    inception("4e", 256, [160, 320], [32, 128], 128),
    max(3, 2, { ceil: true }),
    inception("5a", 256, [160, 320], [32, 128], 128),
    inception("5b", 384, [192, 384], [48, 128], 128),
    { kind: "global" },
    dense(1000),
  ],
};

const normed = { bias: false, norm: true };

/**
 * A residual block: its shortcut is a 1 × 1 convolution where the shape changes.
 * @param {string} name
 * @param {Conv[]} residual
 * @param {boolean} changes
 * @param {number} s
 * @returns {Block}
 */
function residualBlock(name, residual, changes, s) {
  const shortcut = changes ? [same(residual[residual.length - 1].out, 1, { s, ...normed })] : [];
  return { kind: "block", name, join: "add", branches: [residual, shortcut] };
}

/**
 * @param {number[]} repeats
 * @param {boolean} narrow whether the blocks are bottlenecks
 * @returns {Network}
 */
function resnet(repeats, narrow) {
  let number = 0;
  let seen = 64;
  const blocks = repeats.flatMap((count, stage) =>
    Array.from({ length: count }, (_, at) => {
      const width = 64 * 2 ** stage;
      const s = stage > 0 && at === 0 ? 2 : 1;
      const out = narrow ? 4 * width : width;
      const residual = narrow
        ? [same(width, 1, normed), same(width, 3, { s, ...normed }), same(out, 1, normed)]
        : [same(out, 3, { s, ...normed }), same(out, 3, normed)];
      number += 1;
      const block = residualBlock(`Residual block ${number}`, residual, seen !== out || s > 1, s);
      seen = out;
      return block;
    }),
  );
  return {
    channels: 3,
    size: 224,
    layers: [
      same(64, 7, { s: 2, ...normed }),
      max(3, 2, { p: 1 }),
      ...blocks,
      { kind: "global" },
      dense(1000),
    ],
  };
}

/** @type {Record<string, Network>} */
export const NETWORKS = {
  LeNet: lenet,
  AlexNet: alexnet,
  "VGG-16": vgg([2, 2, 3, 3, 3]),
  "VGG-19": vgg([2, 2, 4, 4, 4]),
  GoogLeNet: googlenet,
  "ResNet-18": resnet([2, 2, 2, 2], false),
  "ResNet-34": resnet([3, 4, 6, 3], false),
  "ResNet-50": resnet([3, 4, 6, 3], true),
};
