// The roofline of a machine, and where a product of matrices lies under it.

/** Bytes of a number, by format from 1: fp32, tf32 (which takes 32 bits in memory), bf16. */
const BYTES = [4, 4, 2];

/**
 * FLOPs and bytes of (batch, width) times (width, width), each number moved once.
 * @param {number} batch
 * @param {number} width
 * @param {number} format from 1
 */
export function product(batch, width, format) {
  const flops = 2 * batch * width * width;
  const bytes = BYTES[format - 1] * (width * width + 2 * batch * width);
  return { flops, bytes, intensity: flops / bytes };
}

/**
 * FLOP/s at most, of a computation with so many FLOPs a byte.
 * @param {number} intensity
 * @param {number} peak in FLOP/s
 * @param {number} bandwidth in B/s
 */
export function attainable(intensity, peak, bandwidth) {
  return Math.min(peak, intensity * bandwidth);
}

/**
 * FLOPs a byte at which reading and arithmetic take equally long.
 * @param {number} peak
 * @param {number} bandwidth
 */
export function ridge(peak, bandwidth) {
  return peak / bandwidth;
}

/**
 * The smallest batch whose arithmetic takes at least as long as its bytes, or null if none does.
 * @param {number} width
 * @param {number} format from 1
 * @param {number} peak
 * @param {number} bandwidth
 */
export function balancedBatch(width, format, peak, bandwidth) {
  // 2bw² / (s(w² + 2bw)) ≥ r, solved for b.
  const needed = ridge(peak, bandwidth) * BYTES[format - 1];
  const left = 2 * width - 2 * needed;
  return left > 0 ? Math.ceil((needed * width) / left - 1e-9) : null;
}
