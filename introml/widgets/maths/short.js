// Numbers as a cell of a grid shows them, and as a reader types them.

export const MINUS = "\u2212";

const near = (/** @type {number} */ x, /** @type {number} */ y) => Math.abs(x - y) < 1e-9;

/**
 * Whether `shortNumber` writes a value in full.
 * @param {number} value
 */
export function isExact(value) {
  if (Number.isInteger(value)) return true;
  if (!Number.isFinite(value) || near(value, Number(value.toFixed(2)))) return true;
  return fraction(value) !== null;
}

/**
 * 1/9, 3/16, … for a fraction of a small denominator, else null.
 * @param {number} value
 */
function fraction(value) {
  if (Math.abs(value) > 1) return null;
  for (let denominator = 3; denominator <= 49; denominator += 1) {
    const numerator = Math.round(value * denominator);
    if (numerator !== 0 && near(value * denominator, numerator)) {
      return `${numerator}/${denominator}`.replace("-", MINUS);
    }
  }
  return null;
}

/**
 * A number as a cell shows it: at most `decimals` decimals, simple fractions as such.
 * @param {number} value
 * @returns {string}
 */
export function shortNumber(value, decimals = 2) {
  if (Number.isInteger(value)) return String(value || 0).replace("-", MINUS);
  if (!Number.isFinite(value)) return value < 0 ? `${MINUS}∞` : "∞";
  const rounded = Number(value.toFixed(decimals));
  const exact = decimals === 2 && !near(value, rounded) ? fraction(value) : null;
  if (exact) return exact;
  return String(rounded === 0 ? 0 : rounded).replace("-", MINUS);
}

/**
 * A number typed by the reader, such as 3, −0.5 or 1/9; NaN when it is none.
 * @param {string} text
 */
export function parseNumber(text) {
  const plain = text.trim().replaceAll(MINUS, "-").replace(",", ".");
  const parts = plain.split("/");
  if (parts.length > 2 || parts.some((part) => part.trim() === "")) return Number.NaN;
  const value = parts.length === 2 ? Number(parts[0]) / Number(parts[1]) : Number(plain);
  return Number.isFinite(value) ? value : Number.NaN;
}
