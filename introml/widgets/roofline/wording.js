// What the read-out says of a product under a roof.

import { percent, significant, thousands } from "../kit/index.js";

/** @param {number} flops */
export function rate(flops) {
  if (flops < 1e12) return `${significant(flops / 1e9, 3)} GFLOP/s`;
  return `${significant(flops / 1e12, 3)} TFLOP/s`;
}

/** @param {number} intensity */
function perByte(intensity) {
  const shown = significant(intensity, 3);
  return `${shown} ${shown === "1" ? "FLOP" : "FLOPs"} a byte`;
}

/**
 * @param {object} setting
 * @param {string} setting.machine
 * @param {string} setting.format
 * @param {number} setting.batch
 * @param {number} setting.width
 * @param {number} setting.intensity
 * @param {number} setting.balance
 * @param {number} setting.flops a second
 * @param {number} setting.peak
 * @param {number | null} setting.enough the batch that balances both
 */
export function describe({
  machine,
  format,
  batch,
  width,
  intensity,
  balance,
  flops,
  peak,
  enough,
}) {
  const named = machine.startsWith("this ") ? machine.replace("this", "This") : `The ${machine}`;
  const rows = batch === 1 ? "One row" : `${thousands(batch)} rows`;
  const head =
    `${rows} through ${thousands(width)} × ${thousands(width)} weights in ${format}: ` +
    `${perByte(intensity)}.`;
  if (intensity >= balance) {
    return (
      `${head} ${named} balances at ${significant(balance, 3)}, so the arithmetic sets the ` +
      `pace: ${rate(flops)}, the peak.`
    );
  }
  const cure =
    enough === null
      ? " No batch would balance both: the matrix is too small."
      : ` From ${thousands(enough)} rows on it would be the arithmetic.`;
  return (
    `${head} ${named} balances at ${significant(balance, 3)}, so the memory sets the pace: at ` +
    `most ${rate(flops)}, ${percent(flops / peak, flops < peak / 100 ? 2 : 0)} of the peak.${cure}`
  );
}
