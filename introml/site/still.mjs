// Draws widgets without a browser, for the still picture that a page shows until its script runs (and
// in print, and to readers without scripts): a JSON line {bundle, anchor, state} in, {html} out.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { parseHTML } from "linkedom";

const { document, window } = parseHTML("<!doctype html><html><body></body></html>");
globalThis.document = document;
globalThis.window = window;
// Charts are numbered through the page (kit/plot.js); those that come alive count from 1.
globalThis.imlCharts = 500;

function stillModel(anchor, state) {
  return {
    anchor,
    still: true,
    get: (name) => state[name],
    set: () => {},
    save_changes: () => {},
    on: () => {},
    off: () => {},
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { bundle, anchor, state } = JSON.parse(line);
  let answer;
  try {
    const { default: widget } = await import(pathToFileURL(bundle).href);
    const el = document.createElement("div");
    document.body.append(el);
    widget.render({ model: stillModel(anchor, state), el });
    el.querySelector("[data-ready]")?.removeAttribute("data-ready");
    const problem = el.querySelector(".iml-problem:not([hidden])")?.textContent;
    answer = problem ? { error: problem } : { html: el.innerHTML };
    el.remove();
  } catch (error) {
    answer = { error: error.stack ?? String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
