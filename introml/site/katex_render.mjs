// Renders formulas for the build: a JSON line [tex, display, macros] in, a JSON line {html} or {error} out.
import { createInterface } from "node:readline";
import katex from "katex";

for await (const line of createInterface({ input: process.stdin })) {
  const [tex, display, macros] = JSON.parse(line);
  let answer;
  try {
    const html = katex.renderToString(tex, {
      displayMode: display,
      macros,
      output: "htmlAndMathml",
      strict: "error",
      throwOnError: true,
    });
    answer = { html };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
