// What the values of a widget's traits may be. Their Python class says it, and hands it over as data
// (introml/widgets/traits.py): a link or a saved state can bring anything, and a batch of −1 examples,
// say, would keep a loop running for ever.

/**
 * @typedef {{ kind: "real" | "whole", low: number, high: number }} NumberForm
 * @typedef {{ kind: "choice", options: unknown[] }} ChoiceForm
 * @typedef {{ kind: "text", most: number }} TextForm at most so many characters
 * @typedef {{ kind: "numbers", dims: number, low: number, high: number, least: number, most: number,
 *   whole?: boolean }} NumbersForm a list (`dims` 1) or a rectangle (2), `least` to `most` along each
 *   direction
 * @typedef {{ kind: "record", fields: string[], many?: boolean, none?: boolean }} RecordForm an object
 *   with these fields; `many`: a list of such, not empty; `none`: or null
 * @typedef {NumberForm | ChoiceForm | TextForm | NumbersForm | RecordForm} Form
 * @typedef {Record<string, any>} Forms the form of each trait, by its name
 */

/**
 * @param {any} value
 * @param {string[]} fields
 */
const has = (value, fields) =>
  typeof value === "object" && value !== null && fields.every((name) => name in value);

/**
 * @param {any} value
 * @param {{ low: number, high: number, whole?: boolean }} form
 */
const inside = (value, { low, high, whole = false }) =>
  typeof value === "number" && value >= low && value <= high && (!whole || Number.isInteger(value));

/**
 * @param {any} value
 * @param {NumbersForm} form
 * @param {number} dims
 * @returns {boolean}
 */
function isList(value, form, dims) {
  if (!Array.isArray(value) || value.length < form.least || value.length > form.most) return false;
  if (dims === 1) return value.every((entry) => inside(entry, form));
  const each = value.every((row) => isList(row, form, dims - 1));
  return each && value.every((row) => row.length === value[0].length);
}

/**
 * @param {any} value
 * @param {RecordForm} form
 */
function isRecord(value, { fields, many, none }) {
  if (value === null || value === undefined) return Boolean(none);
  if (!many) return has(value, fields);
  return Array.isArray(value) && value.length > 0 && value.every((each) => has(each, fields));
}

/**
 * Whether a value is of a form.
 * @param {any} value
 * @param {Form} form
 * @returns {boolean}
 */
export function fits(value, form) {
  switch (form.kind) {
    case "real":
      return inside(value, form);
    case "whole":
      return inside(value, { ...form, whole: true });
    case "choice":
      return form.options.includes(value);
    case "text":
      return typeof value === "string" && value.length <= form.most;
    case "numbers":
      return isList(value, form, form.dims);
    case "record":
      return isRecord(value, form);
  }
}

/** @param {NumbersForm} form */
function listInWords({ dims, low, high, least, most, whole }) {
  const numbers = `${whole ? "whole " : ""}numbers from ${low} to ${high}`;
  if (dims > 1) return `a rectangle of ${least} to ${most} rows and columns of ${numbers}`;
  return `a list of ${least === most ? least : `${least} to ${most}`} ${numbers}`;
}

/**
 * A form in words.
 * @param {Form} form
 */
export function inWords(form) {
  switch (form.kind) {
    case "real":
      return `a number from ${form.low} to ${form.high}`;
    case "whole":
      return `a whole number from ${form.low} to ${form.high}`;
    case "choice":
      return `one of ${form.options.map((option) => JSON.stringify(option)).join(", ")}`;
    case "text":
      return `text of at most ${form.most} characters`;
    case "numbers":
      return listInWords(form);
    case "record":
      return `${form.many ? "a list of objects" : "an object"} with ${form.fields.join(", ")}`;
  }
}

/**
 * Throws, in words, when a value is not of its form.
 * @param {Forms} forms
 * @param {(name: string) => unknown} get
 */
export function checkForms(forms, get) {
  for (const [name, form] of Object.entries(forms)) {
    const value = get(name);
    if (fits(value, form)) continue;
    const given = String(JSON.stringify(value)).slice(0, 60);
    throw new Error(`${name} must be ${inWords(form)}; it is ${given}`);
  }
}
