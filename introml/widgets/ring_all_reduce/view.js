import { defineWidget, legend, picture, predict, s, significant } from "../kit/index.js";
import * as model from "./model.js";

const TOP = 44;
const GAP = 18; // between ranks, where the arrows are

/** @param {number} megabytes */
function amount(megabytes) {
  return megabytes >= 1000
    ? `${significant(megabytes / 1000, 4)} GB`
    : `${significant(megabytes, 3)} MB`;
}

function question(ui) {
  return predict(ui, {
    question:
      "four ranks have gradients of 1,000 MB each and want the sum of all. How much must each rank send around the ring?",
    options: ["250 MB", "1,500 MB", "6,000 MB"],
    answer: () => 1,
    explain: () =>
      "Each rank sends one of four parts in each step: 3 steps until the sums are complete, and 3 until " +
      "all have them. Six quarters are 1,500 MB.",
  });
}

/** What the steps so far have come to. */
function said(n, done, total, size) {
  const naive = `All to one rank and back would be ${amount(model.naive(n, size))} through one link, in and out together.`;
  if (done === 0) {
    return `${n} ranks have ${n} parts each, of ${amount(size / n)}, and nothing is sent yet. ${naive}`;
  }
  const each = `So far each rank has sent ${amount(model.sent(n, size, done))}.`;
  const phase =
    done < n
      ? `Reduce-scatter, step ${done} of ${n - 1}: each rank sent a part, and its neighbour added it; ` +
        `the shaded sums have ${done + 1} of ${n} ranks in them.`
      : `All-gather, step ${done - n + 1} of ${n - 1}: each rank handed on a finished sum; ` +
        `every rank has ${done - n + 2} of ${n}.`;
  return `${phase} ${each}${done === total ? " All are done." : ""} ${naive}`;
}

function build(ui) {
  const svg = picture({ width: ui.width, height: 100, label: "" });
  ui.stage(svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.player({
      trait: "step",
      label: "Step",
      last: () => model.steps(ui.get("ranks")),
      interval: 1300,
    }),
    ui.stepper({ trait: "ranks", label: "Ranks" }),
    ui.slider({ trait: "size", label: "Gradient on each rank", scale: "log", format: amount }),
    ui.stepper({ trait: "seed", label: "Numbers" }),
    legend([
      ["reference", "this rank's own"],
      ["training", "a sum of some ranks"],
      ["validation", "the sum of all"],
    ]),
  );

  return () => {
    const [n, size] = [ui.get("ranks"), ui.get("size")];
    const total = model.steps(n);
    const done = Math.min(ui.get("step"), total);
    const { held, terms, moves } = model.run(model.draw(ui.get("seed"), n), done);
    const left = ui.narrow ? 46 : 66;
    const wide = Math.min(104, (ui.width - left - 6) / n);
    const tall = 26;
    const rowAt = (rank) => TOP + rank * (tall + GAP);
    const bars = rowAt(n) + 26;
    const height = bars + 78;
    svg.setAttribute("viewBox", `0 0 ${ui.width} ${height}`);
    svg.style.setProperty("height", `${height}px`);
    const text = (x, y, words, color = "ink", size = 14, anchor = "middle") =>
      s(
        "text",
        {
          x: x.toFixed(1),
          y: y.toFixed(1),
          "text-anchor": anchor,
          class: "iml-ring-number",
          style: { fill: `var(--iml-${color})`, "font-size": `${size}px` },
        },
        String(words),
      );
    const grown = new Set(moves.map(({ to, part }) => `${to} ${part}`));
    /** @type {SVGElement[]} */
    const nodes = [];
    for (let part = 0; part < n; part += 1) {
      const label = ui.narrow || n > 5 ? String(part) : `part ${part}`;
      nodes.push(text(left + (part + 0.5) * wide, 14, label, "muted", 12));
    }
    if (ui.narrow || n > 5) nodes.push(text(left - 8, 14, "part", "muted", 12, "end"));
    held.forEach((row, rank) => {
      nodes.push(text(left - 8, rowAt(rank) + 18, `rank ${rank}`, "ink", 12, "end"));
      row.forEach((value, part) => {
        const now = grown.has(`${rank} ${part}`);
        const count = terms[rank][part];
        const color = count === n ? "validation" : count > 1 ? "training" : "reference";
        nodes.push(
          s("rect", {
            x: (left + part * wide + 2).toFixed(1),
            y: rowAt(rank),
            width: (wide - 4).toFixed(1),
            height: tall,
            rx: 4,
            class: `iml-ring-cell${now ? " iml-grown" : ""}`,
          }),
          text(left + (part + 0.5) * wide, rowAt(rank) + 18, value, color),
        );
      });
    });
    // An arrow into each cell that received; the last rank's comes in from above, as the ring closes.
    for (const { to, part } of moves) {
      const x = left + (part + 0.5) * wide;
      const end = rowAt(to) - 2;
      const d = `M${x.toFixed(1)},${end - 14}V${end}m-4,-5l4,5l4,-5`;
      nodes.push(s("path", { d, class: "iml-ring-move" }));
      if (to === 0) {
        nodes.push(
          s("path", { d: `M${x.toFixed(1)},${rowAt(n) - GAP + 2}v12`, class: "iml-ring-move" }),
        );
      }
    }
    const all = model.naive(n, size);
    const length = Math.min(ui.width - 8, Math.max(300, left + n * wide - 6));
    [
      ["each rank, around the ring", model.sent(n, size, done), "training"],
      ["one link, in and out, if all send to one rank", all, "error"],
    ].forEach(([name, bytes, color], i) => {
      const y = bars + i * 38;
      nodes.push(
        text(4, y, `${name}: ${amount(Number(bytes))}`, "ink", 12, "start"),
        s("rect", {
          x: 4,
          y: y + 6,
          width: Math.max(1, (length * Number(bytes)) / all).toFixed(1),
          height: 12,
          style: { fill: `var(--iml-${color})` },
        }),
      );
    });
    svg.setAttribute(
      "aria-label",
      `${n} ranks with ${n} parts each after ${done} of ${total} steps around the ring`,
    );
    svg.replaceChildren(...nodes);
    ui.readout(said(n, done, total, size));
  };
}

export default defineWidget({
  name: "RingAllReduce",
  title: "An all-reduce around a ring",
  linked: ["ranks", "step", "size", "seed"],
  build,
});
