// Bundles each widget, found by its folder's view.js, three ways into dist/:
//   <Class>.mjs  an ES module for JupyterLab (anywidget), which also exports the model functions
//   <Class>.js   a classic script for the static site; it runs from file:// too, and takes the kit
//                from kit.js, which a browser loads once for all widgets
//   <Class>.css  the widget's own style; kit.css holds what all share, and the colours and fonts that
//                both name come from introml/book/style/tokens.py
// Usage: node introml/widgets/bundle.mjs [stem …]

import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "dist");

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

const className = (stem) =>
  stem
    .split("_")
    .map((word) => word[0].toUpperCase() + word.slice(1))
    .join("");

async function stems() {
  const found = [];
  for (const entry of await readdir(here, { withFileTypes: true })) {
    if (entry.isDirectory() && (await exists(join(here, entry.name, "view.js"))))
      found.push(entry.name);
  }
  return found.sort();
}

const shared = {
  bundle: true,
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  target: "es2022",
};
const minifyCss = async (css) => (await transform(css, { loader: "css", minify: true })).code;
/** A widget's own style, with what it imports. */
async function styleOf(stem) {
  const path = join(here, stem, "style.css");
  if (!(await exists(path))) return "";
  const { outputFiles } = await build({ ...shared, entryPoints: [path], write: false });
  return outputFiles[0].text;
}

/** In the static site the kit is one script of its own: imports of it read `introml.kit`. */
const sharedKit = {
  name: "shared-kit",
  setup(builder) {
    builder.onResolve({ filter: /\/kit\/index\.js$/ }, () => ({
      path: "kit",
      namespace: "shared",
    }));
    builder.onLoad({ filter: /.*/, namespace: "shared" }, () => ({
      contents: "module.exports = globalThis.introml.kit;",
    }));
  },
};

async function bundleWidget(stem, kitCss) {
  const name = className(stem);
  const view = `./${stem}/view.js`;
  const model = `./${stem}/model.js`;
  const entry = (contents) => ({
    stdin: { contents, resolveDir: here, sourcefile: `${stem}.entry.js` },
  });
  await build({
    ...shared,
    ...entry(`export { default } from "${view}"; export * as model from "${model}";`),
    format: "esm",
    outfile: join(out, `${name}.mjs`),
  });
  await build({
    ...shared,
    ...entry(`import widget from "${view}"; globalThis.introml.register("${name}", widget);`),
    format: "iife",
    plugins: [sharedKit],
    outfile: join(out, `${name}.js`),
  });
  const style = await styleOf(stem);
  await writeFile(join(out, `${name}.css`), style);
  await writeFile(join(out, `${name}.notebook.css`), await minifyCss(kitCss + style));
}

await mkdir(out, { recursive: true });
const kitCss = await readFile(join(here, "kit", "kit.css"), "utf8");
await build({
  ...shared,
  stdin: {
    contents: 'import * as kit from "./kit/index.js"; globalThis.introml.kit = kit;',
    resolveDir: here,
    sourcefile: "kit.entry.js",
  },
  format: "iife",
  outfile: join(out, "kit.js"),
});
await writeFile(join(out, "kit.css"), await minifyCss(kitCss));
const wanted = process.argv.slice(2);
await Promise.all(
  (wanted.length ? wanted : await stems()).map((stem) => bundleWidget(stem, kitCss)),
);
