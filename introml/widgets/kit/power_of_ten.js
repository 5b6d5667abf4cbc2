// Tick labels of a logarithmic axis: 0.01, 1, 100 as they are, and further out 10⁶ and 10⁻⁴.

import { significant } from "./format.js";

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** powerOfTen(1e6) is "10⁶"; from 0.01 to 1000, and for what is no power of ten, plain digits. */
export function powerOfTen(value) {
  const exponent = Math.round(Math.log10(value));
  const whole = Math.abs(Math.log10(value) - exponent) < 1e-9;
  if (!whole || (exponent >= -2 && exponent <= 3)) return significant(value, 3);
  const digits = [...String(Math.abs(exponent))].map((digit) => RAISED[Number(digit)]);
  return `10${exponent < 0 ? "⁻" : ""}${digits.join("")}`;
}
