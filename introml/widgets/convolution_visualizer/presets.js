// Inputs and kernels to choose from. The pictures are real: grey levels 0…255 rounded to 0…9, one digit
// a cell, with their place in assets/data (whose README names the sources and licences).

const matrix = (/** @type {string} */ text) => text.split(" ").map((row) => [...row].map(Number));
const ninth = 1 / 9;

/** Rows 8–23 and columns 6–21 of image 68 of mnist-10k.npz. */
const SEVEN = matrix(
  "0001135699999950 4579999999999992 9999999977736993 9998656210005996 " +
    "2421000000005993 0000000000005970 0000000000005930 0000000000079700 " +
    "0000000000199500 0000000001595100 0000000003993000 0000000007970000 " +
    "0000000049910000 0000000189500000 0000000596000000 0000002983000000",
);

/** Image 23 of mnist-10k.npz, means of 2 × 2 pixels. */
const THREE = matrix(
  "00000000000000 00000000000000 00000379872000 00016620038000 00072000055000 " +
    "00010002650000 00000077682000 00000010054000 00000000054000 00500000182000 " +
    "00661001650000 00048998500000 00000000000000 00000000000000",
);

/** Image 122 of fashion-mnist-6k.npz, means of 2 × 2 pixels. */
const BOOT = matrix(
  "00000000000000 00000000000000 00000007544640 00000007888840 00000018888850 " +
    "00000048888880 00000078888783 00000578888775 00005777888885 16677778887775 " +
    "47777888517774 37888882007775 00123200002110 00000000000000",
);

/** Image 100 of fashion-mnist-6k.npz, means of 2 × 2 pixels. */
const BAG = matrix(
  "00000134300000 00001300140000 00004000032000 00013000004000 00032000005000 " +
    "03453000005220 07777754577783 07777667667772 07777777777781 07777777777770 " +
    "05888878888860 04888888888850 00778888888820 00266666665400",
);

const COUNTING = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
];
const POINT = Array.from({ length: 7 }, (_, i) =>
  Array.from({ length: 7 }, (_, j) => (i === 3 && j === 3 ? 1 : 0)),
);
const STEP = Array.from({ length: 6 }, () => [0, 0, 0, 9, 9, 9]);

const FOUR = [
  [0, 1],
  [2, 3],
];
const SIXTEEN = matrix("1321 4650 7298 1034");

export const INPUTS = {
  "0 to 8": COUNTING,
  "0 to 3": FOUR,
  "4 × 4": SIXTEEN,
  "one point": POINT,
  "a step": STEP,
  "digit 7 (crop)": SEVEN,
  "digit 3": THREE,
  boot: BOOT,
  bag: BAG,
};

export const KERNELS = {
  "0 to 3": FOUR,
  identity: [
    [0, 0, 0],
    [0, 1, 0],
    [0, 0, 0],
  ],
  blur: [
    [ninth, ninth, ninth],
    [ninth, ninth, ninth],
    [ninth, ninth, ninth],
  ],
  sharpen: [
    [0, -1, 0],
    [-1, 5, -1],
    [0, -1, 0],
  ],
  "edges, left to right (Sobel)": [
    [-1, 0, 1],
    [-2, 0, 2],
    [-1, 0, 1],
  ],
  "edges, top to bottom (Sobel)": [
    [-1, -2, -1],
    [0, 0, 0],
    [1, 2, 1],
  ],
  "edges, all ways (Laplace)": [
    [0, 1, 0],
    [1, -4, 1],
    [0, 1, 0],
  ],
};

const REST = {
  mode: "convolution",
  input: COUNTING,
  kernel: KERNELS["0 to 3"],
  window: [2, 2],
  stride: [1, 1],
  padding: [0, 0],
  padding_mode: "zeros",
  output_padding: [0, 0],
  dilation: [1, 1],
  flip: false,
  ceil_mode: false,
  count_include_pad: true,
  cell: [0, 0],
};

/** Small examples: the changes of each to the first one. */
export const EXAMPLES = {
  "2 × 2 kernel": REST,
  "padding 1": { ...REST, padding: [1, 1] },
  "stride 3, 2": { ...REST, padding: [1, 1], stride: [3, 2] },
  "max pool": { ...REST, mode: "max" },
  "average pool": { ...REST, mode: "average" },
  transposed: {
    ...REST,
    mode: "transposed",
    input: FOUR,
    stride: [2, 2],
  },
  "edges of a 3": {
    ...REST,
    input: THREE,
    kernel: KERNELS["edges, left to right (Sobel)"],
    padding: [1, 1],
    cell: [5, 9],
  },
};

/** All of them, for the tests. */
export function presets() {
  return { inputs: INPUTS, kernels: KERNELS, examples: EXAMPLES };
}
