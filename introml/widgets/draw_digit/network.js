// The learned network: its weights as `introml.models.digit.pack` writes them, and its forward pass.

/**
 * @typedef {{ shape: [number, number], weight: string, scale: number[], bias: number[] }} PackedLayer
 * @typedef {{ outputs: number, inputs: number, weights: Float64Array, bias: number[] }} Layer
 */

/**
 * Matrices of numbers from the packed form: 8 bits a weight, one scale for each row.
 * @param {{ layers: PackedLayer[] }} packed
 * @returns {Layer[]}
 */
export function unpack(packed) {
  return packed.layers.map(({ shape: [outputs, inputs], weight, scale, bias }) => {
    const bytes = atob(weight);
    if (bytes.length !== outputs * inputs) {
      throw new Error(`a layer of ${outputs} × ${inputs} weights came with ${bytes.length} bytes`);
    }
    const weights = new Float64Array(bytes.length);
    for (let i = 0; i < bytes.length; i += 1) {
      const byte = bytes.charCodeAt(i);
      weights[i] = (byte > 127 ? byte - 256 : byte) * scale[Math.floor(i / inputs)];
    }
    return { outputs, inputs, weights, bias };
  });
}

/**
 * The ten outputs for 784 numbers from 0 to 1: linear layers with a ReLU between each two.
 * @param {Layer[]} layers
 * @param {number[]} input
 */
export function forward(layers, input) {
  return layers.reduce((values, { outputs, inputs, weights, bias }, depth) => {
    const x = depth === 0 ? values : values.map((value) => Math.max(0, value));
    return Array.from({ length: outputs }, (_, i) => {
      let sum = bias[i];
      for (let k = 0; k < inputs; k += 1) sum += weights[i * inputs + k] * x[k];
      return sum;
    });
  }, input);
}
