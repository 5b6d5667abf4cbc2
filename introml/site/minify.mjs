// Minifies a script that the site takes from a package: it comes by standard input, and goes out by
// standard output.
import { text } from "node:stream/consumers";
import { transform } from "esbuild";

const { code } = await transform(await text(process.stdin), { minify: true });
process.stdout.write(code);
