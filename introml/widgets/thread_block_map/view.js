import { defineWidget, legend, picture, predict, s } from "../kit/index.js";
import * as model from "./model.js";

const HEAD = 18; // room for a program's name
const APART = 22; // between lanes and cells: the arrows
const GAP = 26; // between bands

/** What does a lane do that has no cell? */
function question(ui) {
  return predict(ui, {
    question:
      "ten numbers and four lanes: the last program has two lanes too many. What do they do if nobody stops them?",
    options: ["Nothing", "They end the program", "They write where no array is"],
    answer: () => 2,
    explain: () =>
      "A lane computes its cell's number and writes, and nothing checks that number. Switch the mask " +
      "off and run the last program.",
  });
}

/**
 * Numbers in words: "8", "8 and 9", "8 to 11".
 * @param {number[]} cells
 */
function spoken(cells) {
  if (cells.length < 2) return cells.join("");
  if (cells.length === 2) return cells.join(" and ");
  return `${cells[0]} to ${cells.at(-1)}`;
}

/**
 * @param {number} count
 * @param {string} one
 */
function counted(count, one) {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** What the last program did. */
function told(size, block, mask, program) {
  const { written, strays } = model.after(size, block, mask, [program]);
  const outside = Array.from({ length: block }, (_, lane) => lane).filter(
    (lane) => model.cellOf(program, lane, block) >= size,
  );
  const first = model.cellOf(program, 0, block);
  const where = `Program ${program} begins at cell ${program} · ${block} = ${first}`;
  const parts = [written.length ? `${where} and writes ${spoken(written)}` : where];
  if (outside.length) {
    const lanes = `${outside.length === 1 ? "lane" : "lanes"} ${spoken(outside)}`;
    parts.push(
      mask
        ? `its ${lanes} ${outside.length === 1 ? "is" : "are"} masked off`
        : `its ${lanes} ${outside.length === 1 ? "writes" : "write"} ${spoken(strays)}, where no array is`,
    );
  }
  return `${parts.join("; ")}.`;
}

function build(ui) {
  const count = () => model.programs(ui.get("size"), ui.get("block"), ui.get("grid"));
  const svg = picture({ width: ui.width, height: 100, label: "" });
  ui.stage(svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.player({ trait: "run", label: "Programs run", last: count, interval: 900 }),
    ui.slider({ trait: "size", label: "Numbers to add, n", format: String }),
    ui.slider({ trait: "block", label: "Lanes of a program", format: String }),
    ui.slider({
      trait: "grid",
      label: "Programs",
      format: (value) => (value ? String(value) : "as needed"),
    }),
    ui.toggle({ trait: "mask", label: "Mask" }),
    ui.toggle({ trait: "shuffled", label: "Another order" }),
    legend([
      ["prediction", "written"],
      ["error", "wrong: outside, or never computed"],
    ]),
  );

  return () => {
    const [size, block, mask] = ["size", "block", "mask"].map((name) => ui.get(name));
    const all = model.order(count(), ui.get("shuffled"));
    const done = all.slice(0, ui.get("run"));
    const { written, strays, masked, left } = model.after(size, block, mask, done);
    const finished = done.length === all.length;
    const lanes = all.length * block;
    // Bands of whole programs, so that none is torn.
    const fit = Math.max(1, Math.floor(ui.width / 27 / block)) * block;
    const used = Math.max(size, lanes);
    // Two cells more, to show that memory goes on, where they don't need a band of their own.
    const cells = used % fit === 0 ? used : Math.min(used + 2, Math.ceil(used / fit) * fit);
    const across = Math.min(fit, Math.ceil(cells / block) * block);
    const cell = Math.min(40, ui.width / across);
    const box = cell - 4;
    const bands = Math.ceil(cells / across);
    const band = HEAD + box + APART + box + GAP;
    const height = bands * band - GAP + 8;
    svg.setAttribute("viewBox", `0 0 ${ui.width} ${height}`);
    svg.style.setProperty("height", `${height}px`);
    const start = (ui.width - across * cell) / 2;
    /** @type {SVGElement[]} */
    const nodes = [];
    const square = (x, y, kind, said) => {
      nodes.push(
        s("rect", {
          x: (x + 2).toFixed(1),
          y: y.toFixed(1),
          width: box.toFixed(1),
          height: box.toFixed(1),
          rx: 4,
          class: `iml-blocks-box iml-blocks-${kind}`,
        }),
        s(
          "text",
          {
            x: (x + cell / 2).toFixed(1),
            y: (y + box / 2 + 4.5).toFixed(1),
            "text-anchor": "middle",
            class: `iml-blocks-number iml-blocks-on-${kind}`,
          },
          said,
        ),
      );
    };
    for (let i = 0; i < cells; i += 1) {
      const x = start + (i % across) * cell;
      const y = Math.floor(i / across) * band + HEAD;
      const program = Math.floor(i / block);
      const lane = i % block;
      const ran = done.includes(program);
      const stopped = ran && mask && i >= size;
      if (i < lanes) {
        if (lane === 0) {
          nodes.push(
            s(
              "text",
              {
                x: (x + 2).toFixed(1),
                y: y - 6,
                class: `iml-blocks-name${ran ? " iml-blocks-done" : ""}`,
              },
              block * cell < 66 ? `p ${program}` : `program ${program}`,
            ),
          );
        }
        square(x, y, stopped ? "masked" : ran ? "ran" : "waiting", String(lane));
        if (ran && !stopped) {
          const middle = (x + cell / 2).toFixed(1);
          const [top, tip] = [y + box + 3, y + box + APART - 3];
          nodes.push(
            s("path", {
              d: `M${middle} ${top}V${tip}m-3.5 -5l3.5 5l3.5 -5`,
              class: `iml-blocks-arrow${i >= size ? " iml-blocks-astray" : ""}`,
            }),
          );
        }
      }
      const outside = i >= size;
      const missed = finished && left.includes(i);
      const kind = outside
        ? strays.includes(i)
          ? "stray"
          : "foreign"
        : missed
          ? "missed"
          : written.includes(i)
            ? "written"
            : "empty";
      square(x, y + box + APART, kind, String(i));
    }
    svg.setAttribute(
      "aria-label",
      `${counted(all.length, "program")} of ${counted(block, "lane")} above the ${counted(size, "cell")} of an array; ` +
        `${done.length} of them have run`,
    );
    svg.replaceChildren(...nodes);
    const last = done.at(-1);
    const plan =
      `${counted(all.length, "program")} of ${counted(block, "lane")} for ${counted(size, "number")}: ` +
      `${ui.get("grid") ? "the grid is yours" : "as many as needed"}, ${mask ? "masked" : "without a mask"}, ` +
      `in ${ui.get("shuffled") ? "another" : "their"} order. `;
    const sentence = plan + (last === undefined ? "None has run." : told(size, block, mask, last));
    const sums = finished
      ? ` All have run: ${written.length} of ${counted(size, "number")} written` +
        `${masked ? `, ${masked} of ${lanes} lanes masked off` : ""}` +
        `${strays.length ? `, and ${counted(strays.length, "cell")} of somebody else overwritten` : ""}` +
        `${left.length ? `; ${counted(left.length, "number")} never computed, since the grid is too small` : ""}.`
      : "";
    ui.readout(sentence + sums);
  };
}

export default defineWidget({
  name: "ThreadBlockMap",
  title: "Programs, lanes and cells of memory",
  linked: ["size", "block", "grid", "mask", "shuffled", "run"],
  build,
});
