// Large numbers, times and sizes as one says them.

import { significant, thousands } from "../kit/index.js";

/**
 * The largest unit that is not larger than the value; the first one for smaller values.
 * @param {number} value
 * @param {[number, string][]} units from small to large
 * @returns {[number, string]}
 */
function inUnits(value, units) {
  const fitting = units.filter(([size]) => value >= 0.9995 * size);
  const [size, name] = fitting.at(-1) ?? units[0];
  return [value / size, name];
}

/**
 * Three digits, and no exponent up to a million.
 * @param {number} value
 */
const short = (value) =>
  value >= 999.5 ? thousands(Number(value.toPrecision(3))) : significant(value, 3);

/**
 * Two digits up to 99, and whole thousands above.
 * @param {number} value
 */
const rounded = (value) => (value >= 99.5 ? thousands(value) : significant(value, 2));

/**
 * 175e9 -> "175 billion".
 * @param {number} value
 */
export function amount(value) {
  const [many, name] = inUnits(value, [
    [1, ""],
    [1e6, " million"],
    [1e9, " billion"],
    [1e12, " trillion"],
  ]);
  return `${short(many)}${name}`;
}

/** What the letters of `brief` stand for. */
export const BRIEF = "M, B, T: million, billion, trillion";

/**
 * 1e9 -> "1B", as models are named.
 * @param {number} value
 */
export function brief(value) {
  const [many, name] = inUnits(value, [
    [1, ""],
    [1e6, "M"],
    [1e9, "B"],
    [1e12, "T"],
  ]);
  return `${short(many)}${name}`;
}

/**
 * 86400 * 40 -> "40 days".
 * @param {number} seconds
 */
export function duration(seconds) {
  const [many, name] = inUnits(seconds, [
    [1e-6, "µs"],
    [1e-3, "ms"],
    [1, "s"],
    [60, "minute"],
    [3600, "hour"],
    [86400, "day"],
    [365.25 * 86400, "year"],
  ]);
  const digits = rounded(many);
  return `${digits} ${name}${name.length > 2 && digits !== "1" ? "s" : ""}`;
}

/**
 * 80e9 -> "80 GB".
 * @param {number} bytes
 */
export function size(bytes) {
  const [many, name] = inUnits(bytes, [
    [1e3, "kB"],
    [1e6, "MB"],
    [1e9, "GB"],
    [1e12, "TB"],
  ]);
  return `${short(many)} ${name}`;
}

/**
 * Joules in units of watt-hours: 3.6e9 -> "1 MWh".
 * @param {number} joules
 */
export function energy(joules) {
  const [many, name] = inUnits(joules / 3600, [
    [1, "Wh"],
    [1e3, "kWh"],
    [1e6, "MWh"],
    [1e9, "GWh"],
    [1e12, "TWh"],
  ]);
  return `${rounded(many)} ${name}`;
}

/**
 * "1 GPU (H100 SXM)" or "1,024 GPUs (H100 SXM)".
 * @param {number} count
 * @param {string} name
 */
export function machines(count, name) {
  return `${thousands(count)} ${count === 1 ? "GPU" : "GPUs"} (${name})`;
}

/**
 * So many in a second: 9.57 -> "9.6", 28342 -> "28,300".
 * @param {number} value
 */
export function pace(value) {
  return value >= 999.5 ? short(value) : rounded(value);
}

/**
 * A peak as data sheets have it, in TFLOP/s, with a digit behind the point where it has one.
 * @param {number} flopsPerSecond
 */
export function rate(flopsPerSecond) {
  const many = flopsPerSecond / 1e12;
  return `${many >= 1000 ? thousands(many) : significant(many, 4)} TFLOP/s`;
}
