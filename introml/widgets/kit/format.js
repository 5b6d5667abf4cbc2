// Numbers as the book writes them: a true minus sign, few digits, no "1e-7" in a sentence.

const MINUS = "\u2212";

/** From here on JavaScript itself writes numbers with an exponent. */
const TOO_LONG = 1e21;

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * A whole number as an exponent: raised(-4) is "⁻⁴".
 * @param {number} exponent
 */
function raised(exponent) {
  const digits = [...String(Math.abs(exponent))].map((digit) => RAISED[Number(digit)]);
  return `${exponent < 0 ? "⁻" : ""}${digits.join("")}`;
}

/**
 * What is no finite number, in words.
 * @param {number} value
 */
function inWords(value) {
  if (Number.isNaN(value)) return "not a number";
  return value < 0 ? `${MINUS}infinity` : "infinity";
}

/**
 * A number with a fixed count of decimals.
 * @param {number} value
 */
export function fixed(value, digits = 2) {
  if (!Number.isFinite(value)) return inWords(value);
  if (Math.abs(value) >= TOO_LONG) return significant(value, 3);
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", MINUS);
}

/**
 * A number with `digits` significant digits; very large and very small ones as a × 10ⁿ.
 * @param {number} value
 */
export function significant(value, digits = 2) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return inWords(value);
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${mantissa.replace("-", MINUS)} × 10${raised(Number(exponent))}`;
  }
  const text = Number(value.toPrecision(digits)).toString();
  return text.replace("-", MINUS);
}

/**
 * 12345 -> "12,345".
 * @param {number} value
 */
export function thousands(value) {
  if (!Number.isFinite(value)) return inWords(value);
  if (Math.abs(value) >= TOO_LONG) return significant(value, 3);
  return String(Math.round(value))
    .replace(/\B(?=(\d{3})+$)/g, ",")
    .replace("-", MINUS);
}

/** @param {number} fraction */
export function percent(fraction, digits = 0) {
  if (!Number.isFinite(fraction)) return inWords(fraction);
  return `${fixed(100 * fraction, digits)}%`;
}

/**
 * Tick labels of a logarithmic axis: 0.01, 1, 100 as they are, and further out 10⁶ and 10⁻⁴. What is
 * no power of ten is written in plain digits.
 * @param {number} value
 */
export function powerOfTen(value) {
  const exponent = Math.round(Math.log10(value));
  const whole = Math.abs(Math.log10(value) - exponent) < 1e-9;
  if (!whole || (exponent >= -2 && exponent <= 3)) return significant(value, 3);
  return `10${raised(exponent)}`;
}
