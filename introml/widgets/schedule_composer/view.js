import { fold } from "../kit/controls.js";
import {
  defineWidget,
  dragHandle,
  fixed,
  h,
  legend,
  percent,
  plot,
  powerOfTen,
  predict,
  significant,
} from "../kit/index.js";
import * as model from "./model.js";
import { inWords, outcome, reason } from "./wording.js";

const HEIGHT = 320;
const CEILING = 100;
/** What is said where the schedule is the one that it is compared with. */
const SAME = {
  none: "",
  constant: " That is the constant rate itself.",
  kept: " That is the kept one itself: change it, and the two are compared.",
};

function build(ui) {
  const composed = () => ({
    peak: ui.get("peak"),
    warmUp: ui.get("warm_up"),
    decay: ui.get("decay"),
    end: ui.get("end"),
    factor: ui.get("factor"),
    every: ui.get("every"),
    steps: ui.get("steps"),
  });

  /** The schedule that is compared with, or null where there is none or it is the same. */
  function compared() {
    const [own, ghost] = [composed(), ui.get("ghost")];
    if (ghost === "none") return null;
    const other =
      ghost === "kept"
        ? model.unpack(ui.get("kept"), own.steps)
        : { ...own, warmUp: 0, decay: "constant" };
    const rates = model.rates(own);
    return model.rates(other).every((rate, t) => rate === rates[t]) ? null : other;
  }

  // The same draws for every schedule, made again only for another seed or more steps.
  /** @type {{ key: string, noise: import("../maths/symmetric.js").Pair[][] }} */
  let draws = { key: "", noise: [] };
  function trained(schedule) {
    const key = `${ui.get("seed")} ${schedule.steps}`;
    if (draws.key !== key) {
      draws = { key, noise: model.noise(ui.get("seed"), model.RUNS, schedule.steps) };
    }
    const rates = model.rates(schedule);
    const result = model.train(rates, draws.noise, ui.get("noise"));
    return { ...result, rates, end: model.tail(result.losses) };
  }

  const width = ui.columns(2, 290);
  const rateChart = plot({
    width,
    height: HEIGHT,
    role: null,
    label: "The learning rate of every step",
    x: { domain: [0, 1], label: "step", ticks: 5 },
    y: { domain: [0, 2.5], label: "learning rate", ticks: 5 },
  });
  const lossChart = plot({
    width,
    height: HEIGHT,
    label: "Mean loss before each step, on a logarithmic scale",
    x: { domain: [0, 1], label: "step", ticks: 5 },
    y: {
      domain: [1e-4, CEILING],
      type: "log",
      label: "mean loss of 24 runs",
      ticks: 5,
      format: powerOfTen,
    },
    margin: { left: 58 },
  });
  const longest = ui.forms.warm_up.high;
  const limits = { x: [0, longest], y: [ui.forms.peak.low, ui.forms.peak.high] };
  const redrawHandle = dragHandle(rateChart, {
    label: "End of the warm-up, and peak",
    get: () => [ui.get("warm_up"), ui.get("peak")],
    set: ([warmUp, peak]) =>
      ui.set({ warm_up: Math.round(warmUp), peak: Number(peak.toPrecision(3)) }),
    step: [1, 0.05],
    limits,
    describe: ([warmUp, peak]) => `warm-up ${warmUp} steps, peak ${significant(peak, 3)}`,
  });

  const end = ui.slider({
    trait: "end",
    label: "Ends at this part of the peak",
    step: 0.05,
    format: percent,
  });
  const factor = ui.slider({
    trait: "factor",
    label: "Times",
    min: 0.05,
    step: 0.05,
    format: fixed,
  });
  const every = ui.slider({
    trait: "every",
    label: "over … steps",
    min: 5,
    max: 200,
    step: 5,
    format: String,
  });
  const shown = new Map([
    [end, ["linear", "cosine"]],
    [factor, ["step", "exponential"]],
    [every, ["step", "exponential"]],
  ]);

  ui.stage(rateChart.svg, lossChart.svg);
  ui.controls(
    legend([
      ["gradient", "learning rate"],
      ["training", "loss under it"],
      ["reference", "compared with", "dash"],
      ["bad", "bound at the runs' mean distance", "dash"],
    ]),
    ...(ui.get("question") ? [question()] : []),
    ui.slider({
      trait: "peak",
      label: "Peak η",
      scale: "log",
      format: (value) => significant(value, 3),
    }),
    ui.slider({
      trait: "warm_up",
      label: "Warm-up steps",
      format: String,
    }),
    (ui.narrow ? ui.select : ui.choice)({ trait: "decay", label: "Then", options: model.DECAYS }),
    h("div", { class: "iml-schedule-composer-shape" }, end, factor, every),
    fold(
      "Length, noise, comparison",
      ui.slider({ trait: "steps", label: "Steps", step: 10, format: String }),
      ui.slider({ trait: "noise", label: "Noise σ", max: 0.5, step: 0.02, format: fixed }),
      ui.stepper({ trait: "seed", label: "Seed" }),
      ui.choice({
        trait: "ghost",
        label: "Compare with",
        options: [
          ["constant", "constant peak"],
          ["kept", "kept"],
          ["none", "none"],
        ],
      }),
      ui.button({
        label: "Keep this one",
        name: "Keep this one to compare others with",
        onpress: () => ui.set({ kept: model.pack(composed()), ghost: "kept" }),
      }),
    ),
  );

  /** About the setting at hand when it is asked, which the reader may have left when answering. */
  function question() {
    const asked = { ...composed(), warmUp: ui.get("warm_up") || 20 };
    const without = () => trained({ ...asked, warmUp: 0 });
    return predict(ui, {
      question:
        `the rate rises to ${significant(asked.peak, 3)} in ${asked.warmUp} steps. ` +
        "What happens if it starts there at once?",
      options: ["The runs diverge", "They end a little higher", "They end as low, or lower"],
      answer: () => {
        const [warmed, cold] = [trained(asked), without()];
        if (cold.lost > warmed.lost) return 0;
        return cold.end > 1.1 * warmed.end ? 1 : 2;
      },
      explain: () => {
        const cold = without();
        return (
          `Without the warm-up ${outcome(cold, model.RUNS)}. The bowl is steeper far out: at the ` +
          `start no rate over ${significant(cold.bounds[0])} brings the runs nearer, at the bottom ` +
          `none over ${significant(model.bound(0))}.`
        );
      },
    });
  }

  function drawRates(own, other) {
    const points = (rates) => rates.map((rate, t) => [t, rate]);
    rateChart.setAxes({ x: { domain: [0, ui.get("steps")] } });
    rateChart.line("bound", points(own.bounds), { color: "bad", width: 1.5, dash: "2 4" });
    rateChart.line("other", other ? points(other.rates) : [], { color: "reference", dash: "6 4" });
    rateChart.line("own", points(own.rates), { color: "gradient", width: 2.5 });
    limits.x = [0, Math.min(longest, ui.get("steps"))];
    redrawHandle();
  }

  function drawLosses(own, other) {
    const least = Math.min(...own.losses, ...(other?.losses ?? []));
    const floor = Math.max(1e-8, Math.min(1e-4, 10 ** Math.floor(Math.log10(least))));
    lossChart.setAxes({ x: { domain: [0, ui.get("steps")] }, y: { domain: [floor, CEILING] } });
    // A little over the top is enough to leave the picture.
    const points = ({ losses }) =>
      losses.map((value, t) => [t, Math.min(1e3 * CEILING, Math.max(value, floor / 10))]);
    lossChart.line("other", other ? points(other) : [], { color: "reference", dash: "6 4" });
    lossChart.line("own", points(own), { color: "training", width: 2.5 });
  }

  return () => {
    const schedule = composed();
    const otherSchedule = compared();
    const own = trained(schedule);
    const other = otherSchedule ? trained(otherSchedule) : null;
    for (const [node, decays] of shown) {
      node.style.setProperty("display", decays.includes(schedule.decay) ? "" : "none");
    }
    drawRates(own, other);
    drawLosses(own, other);
    const kept = ui.get("ghost") === "kept";
    const why = own.lost > 0 ? reason(own) : "";
    const rival =
      other && otherSchedule
        ? ` With ${kept ? "the kept one, " : ""}a rate that ${inWords(otherSchedule)}, ${outcome(other, model.RUNS)}.`
        : SAME[ui.get("ghost")];
    ui.readout(`The rate ${inWords(schedule)}: ${outcome(own, model.RUNS)}.${why}${rival}`);
  };
}

export default defineWidget({
  name: "ScheduleComposer",
  title: "A learning-rate schedule, and training under it",
  linked: [
    ...["peak", "warm_up", "decay", "end", "factor", "every"],
    ...["steps", "noise", "seed", "ghost", "kept"],
  ],
  build,
});
