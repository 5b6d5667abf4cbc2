// Numbers as the book writes them: a true minus sign, few digits, no "1e-7" in a sentence.

const MINUS = "\u2212";

/** From here on JavaScript itself writes numbers with an exponent. */
const TOO_LONG = 1e21;

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴" };
Object.assign(SUPERSCRIPT, { 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" });

/** What is no finite number, in words. */
function inWords(value) {
  if (Number.isNaN(value)) return "not a number";
  return value < 0 ? `${MINUS}infinity` : "infinity";
}

/** A number with a fixed count of decimals. */
export function fixed(value, digits = 2) {
  if (!Number.isFinite(value)) return inWords(value);
  if (Math.abs(value) >= TOO_LONG) return significant(value, 3);
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", MINUS);
}

/** A number with `digits` significant digits; very large and very small ones as a × 10ⁿ. */
export function significant(value, digits = 2) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return inWords(value);
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const power = [...String(Number(exponent))].map((digit) => SUPERSCRIPT[digit]).join("");
    return `${mantissa.replace("-", MINUS)} × 10${power}`;
  }
  const text = Number(value.toPrecision(digits)).toString();
  return text.replace("-", MINUS);
}

/** 12345 -> "12,345". */
export function thousands(value) {
  if (!Number.isFinite(value)) return inWords(value);
  if (Math.abs(value) >= TOO_LONG) return significant(value, 3);
  return String(Math.round(value))
    .replace(/\B(?=(\d{3})+$)/g, ",")
    .replace("-", MINUS);
}

export function percent(fraction, digits = 0) {
  if (!Number.isFinite(fraction)) return inWords(fraction);
  return `${fixed(100 * fraction, digits)}%`;
}
