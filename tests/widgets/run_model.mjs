// Calls one function of a shipped bundle for every case read from standard input, and prints the results.
// JSON has no NaN or Infinity: they travel as the strings "NaN", "Infinity", "-Infinity".
import { pathToFileURL } from "node:url";

const names = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};
const decode = (_, value) => (typeof value === "string" && value in names ? names[value] : value);
const encode = (_, value) =>
  typeof value === "number" && !Number.isFinite(value)
    ? String(value)
    : ArrayBuffer.isView(value)
      ? [...value]
      : value;

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { bundle, name, cases } = JSON.parse(text, decode);
const { model } = await import(pathToFileURL(bundle).href);
if (typeof model?.[name] !== "function") throw new Error(`${bundle} has no model function ${name}`);
const results = cases.map((args) => {
  try {
    return { value: model[name](...args) ?? null };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(results, encode));
