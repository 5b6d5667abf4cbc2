// What the values of a widget's traits may be, as their Python class has it: a link or a saved state
// can bring anything, and a batch of −1 examples, say, would keep a loop running for ever.

export const real = (low, high) => ({ kind: "real", low, high });
export const whole = (low, high) => ({ kind: "whole", low, high });
export const oneOf = (...options) => ({ kind: "choice", options });
export const either = () => oneOf(true, false);
/** A list (`dims` 1) or a rectangle (2) of numbers, `least` to `most` along each direction. */
export const numbers = ({ dims = 1, low = -1e6, high = 1e6, least = 1, most = 1000 }) => ({
  ...{ kind: "numbers", dims, low, high, least, most },
});
/** An object with these fields; `many`: a list of such, not empty; `none`: or null. */
export const record = (fields, { many = false, none = false } = {}) => ({
  ...{ kind: "record", fields, many, none },
});

const has = (value, fields) =>
  typeof value === "object" && value !== null && fields.every((name) => name in value);

const inside = (value, { low, high }) => typeof value === "number" && value >= low && value <= high;

function isList(value, form, dims) {
  if (!Array.isArray(value) || value.length < form.least || value.length > form.most) return false;
  if (dims === 1) return value.every((entry) => inside(entry, form));
  const each = value.every((row) => isList(row, form, dims - 1));
  return each && value.every((row) => row.length === value[0].length);
}

const CHECKS = {
  real: inside,
  whole: (value, form) => inside(value, form) && Number.isInteger(value),
  choice: (value, { options }) => options.includes(value),
  numbers: (value, form) => isList(value, form, form.dims),
  record(value, { fields, many, none }) {
    if (value === null || value === undefined) return none;
    if (!many) return has(value, fields);
    return Array.isArray(value) && value.length > 0 && value.every((each) => has(each, fields));
  },
};

/** Whether a value is of a form. */
export const fits = (value, form) => CHECKS[form.kind](value, form);

/** A form in words. */
export function inWords({ kind, low, high, options, dims, least, most, fields, many }) {
  if (kind === "record")
    return `${many ? "a list of objects" : "an object"} with ${fields.join(", ")}`;
  if (kind === "choice")
    return `one of ${options.map((option) => JSON.stringify(option)).join(", ")}`;
  if (kind === "real") return `a number from ${low} to ${high}`;
  if (kind === "whole") return `a whole number from ${low} to ${high}`;
  const shape = dims === 1 ? "a list" : "a rectangle";
  return `${shape} of numbers from ${low} to ${high}, ${least} to ${most} along each direction`;
}

/** Throws, in words, when a value is not of its form. */
export function checkForms(forms, get) {
  for (const [name, form] of Object.entries(forms)) {
    const value = get(name);
    if (fits(value, form)) continue;
    const given = String(JSON.stringify(value)).slice(0, 60);
    throw new Error(`${name} must be ${inWords(form)}; it is ${given}`);
  }
}
