// Peaks by processor, number format and density; their factors; and how two processors compare.

/** @typedef {{ name: string, format: number, density: number, flops: number }} Peak */
/**
 * @typedef {object} Factors
 * @property {string} name
 * @property {number} format
 * @property {number} density
 * @property {number} units
 * @property {number} clock in Hz
 * @property {number} per_cycle FLOPs of a unit in a cycle
 */

/**
 * The record of one processor, format and density, or null.
 * @param {any[]} records peaks or factors
 * @param {string} name
 * @param {number} format
 * @param {number} density
 * @returns {any}
 */
export function recordOf(records, name, format, density) {
  return (
    records.find((one) => one.name === name && one.format === format && one.density === density) ??
    null
  );
}

/**
 * units · clock · FLOPs a cycle, in FLOP/s.
 * @param {Factors} factors
 */
export function product({ units, clock, per_cycle: perCycle }) {
  return units * clock * perCycle;
}

/**
 * The processors that have such a peak, the highest first; of equals, the one with more bandwidth.
 * @param {{ name: string, bandwidth: number }[]} machines
 * @param {Peak[]} peaks
 * @param {number} format
 * @param {number} density
 * @returns {number[]} places in `machines`
 */
export function ranking(machines, peaks, format, density) {
  const flops = machines.map(({ name }) => recordOf(peaks, name, format, density)?.flops ?? 0);
  return machines
    .map((_, i) => i)
    .filter((i) => flops[i] > 0)
    .sort((a, b) => flops[b] - flops[a] || machines[b].bandwidth - machines[a].bandwidth);
}

/**
 * FLOPs that a processor can do in the time in which one byte comes from its memory.
 * @param {number} flops a second
 * @param {number} bandwidth in bytes a second
 */
export function flopsPerByte(flops, bandwidth) {
  return flops / bandwidth;
}
