// Makes figures smaller without changing what they show: a JSON line {svg} in, {svg} out.
import { createInterface } from "node:readline";
import { optimize } from "svgo";

const overrides = {
  // Names that nothing refers to go; the others are the figure's own and stay.
  cleanupIds: { minify: false },
  // Curves written as arcs, and places as distances, move edges by a shade that can be seen.
  convertPathData: false,
  // These look at styles, and know nothing of the page's var(--iml-…).
  inlineStyles: false,
  mergePaths: false,
  removeUnknownsAndDefaults: false,
};
const config = { floatPrecision: 3, plugins: [{ name: "preset-default", params: { overrides } }] };

for await (const line of createInterface({ input: process.stdin })) {
  const { svg } = JSON.parse(line);
  let answer;
  try {
    answer = { svg: optimize(svg, config).data };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
