import { fold } from "../kit/controls.js";
import { defineWidget, fixed, h, predict } from "../kit/index.js";
import * as model from "./model.js";

/** Which bits make the sum better? */
function question(ui) {
  return predict(ui, {
    question: "you may add one bit to each number. Where does it make this sum more exact?",
    options: ["Before the point", "Behind the point", "Either is the same"],
    answer: () => 1,
    explain: () =>
      "All numbers lie between −4 and 4, which two bits before the point reach. Behind it, each " +
      "further bit halves the rounding.",
  });
}

function build(ui) {
  const body = h("tbody", {});
  const heads = ui.narrow
    ? ["x", "w", "sum", "exact"]
    : ["x", "in fixed point", "w", "in fixed point", "accumulator", "exact sum"];
  ui.stage(
    h(
      "table",
      { class: "iml-mac-table" },
      h("caption", { class: "iml-hidden" }, "Six products, rounded, and their sum as it grows"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      body,
    ),
  );
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.slider({ trait: "integer", label: "Bits before the point", format: String }),
    ui.slider({ trait: "fraction", label: "Bits behind the point", format: String }),
    ui.slider({ trait: "accumulator", label: "Bits of the accumulator", format: String }),
    fold("Other numbers", ui.stepper({ trait: "seed", label: "Numbers" })),
  );

  return () => {
    const [integer, fraction] = [ui.get("integer"), ui.get("fraction")];
    const accumulator = ui.get("accumulator");
    const pairs = model.draw(ui.get("seed"));
    const rows = model.run(pairs, integer, fraction, accumulator);
    const digits = Math.min(4, Math.max(1, fraction));
    body.replaceChildren(
      ...rows.map(({ x, w, fixedX, fixedW, total, exact }) => {
        const cells = ui.narrow
          ? [fixed(fixedX, digits), fixed(fixedW, digits), fixed(total, 2), fixed(exact, 2)]
          : [
              fixed(x, 4),
              fixed(fixedX, digits),
              fixed(w, 4),
              fixed(fixedW, digits),
              fixed(total, 3),
              fixed(exact, 3),
            ];
        return h(
          "tr",
          {},
          cells.map((cell) => h("td", {}, cell)),
        );
      }),
    );
    const { total, exact } = rows[rows.length - 1];
    const bits = 1 + integer + fraction;
    const [step, reach] = [2 ** -fraction, 2 ** integer];
    const end = model.overflows(pairs, integer, fraction, accumulator)
      ? ` ${accumulator} bits are too few for the sum: it has wrapped around.`
      : ` ${accumulator} bits hold the sum.`;
    ui.readout(
      `${bits} bits a number: steps of ${fixed(step, Math.min(8, fraction))} from −${reach} to ` +
        `${fixed(reach - step, fraction)}. The sum is ${fixed(total, 3)}, and should be ` +
        `${fixed(exact, 3)}: off by ${fixed(Math.abs(total - exact), 3)}.${end}`,
    );
  };
}

export default defineWidget({
  name: "FixedPointMac",
  title: "Multiply and accumulate in fixed point",
  linked: ["integer", "fraction", "accumulator", "seed"],
  build,
});
