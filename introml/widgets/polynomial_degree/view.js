import { fold } from "../kit/controls.js";
import {
  defineWidget,
  fixed,
  legend,
  plot,
  predict,
  s,
  setAttributes,
  significant,
} from "../kit/index.js";
import { clamp } from "../maths/numbers.js";
import * as model from "./model.js";

const UNSEEN = 100; // validation points
const HEIGHT = 340;
const GRID = Array.from({ length: 401 }, (_, i) => -1 + i / 200);
const FLOOR = 1e-3;
const CEILING = 100;

/** Every degree's fit to the same samples, and its errors on them and on the unseen points. */
function sweep({ curve, samples, noise, seed, ridge, highest }) {
  const training = model.sample(curve, samples, noise, seed, 0);
  const validation = model.sample(curve, UNSEEN, noise, seed, 1);
  const fits = model.fitAll(training.x, training.y, highest, ridge);
  return {
    ...{ training, validation, fits },
    trainingErrors: fits.map((fit) => model.meanSquaredError(fit, training)),
    validationErrors: fits.map((fit) => model.meanSquaredError(fit, validation)),
  };
}

function describe({ degree, samples, noise, ridge }, swept, unpenalized) {
  const { trainingErrors, validationErrors } = swept;
  const best = model.smallest(validationErrors);
  const own = validationErrors[degree];
  const plainBest = model.smallest(unpenalized.validationErrors);
  const plain = unpenalized.validationErrors[plainBest];
  const penalty = ridge > 0 ? " at this penalty" : "";
  const sentences = [
    `Degree ${degree} has ${degree + 1} coefficient${degree === 0 ? "" : "s"} for ${samples} samples. Its mean squared ` +
      `error is ${significant(trainingErrors[degree])} in training and ${significant(own)} in ` +
      `validation; the noise alone makes ${significant(noise ** 2)}.`,
  ];
  const judged = model.verdict(degree, validationErrors);
  if (judged === "underfits") {
    sentences.push(
      `It underfits: too stiff for the curve, it errs on both. Degree ${best} is best${penalty}, ` +
        `with ${significant(validationErrors[best])} in validation.`,
    );
  } else if (judged === "overfits") {
    sentences.push(
      `It overfits: it follows the noise of its samples. Degree ${best} is best${penalty}, with ` +
        `${significant(validationErrors[best])} in validation.`,
    );
  } else if (degree === best) {
    sentences.push(`In validation no degree is better${penalty}.`);
  } else {
    sentences.push(`That is within 10% of the best${penalty}, degree ${best}.`);
  }
  if (ridge > 0 && judged === "good" && own > 1.1 * plain) {
    sentences.push(
      `But the penalty itself makes it underfit: without one, degree ${plainBest} reaches ` +
        `${significant(plain)}.`,
    );
  } else if (ridge > 0 && validationErrors[degree] < unpenalized.validationErrors[degree] / 1.1) {
    sentences.push(
      `Without the penalty this degree would have ` +
        `${significant(unpenalized.validationErrors[degree])}.`,
    );
  }
  return sentences.join(" ");
}

function build(ui) {
  const highest = ui.forms.degree.high;
  const setting = () => ({
    ...{ highest, degree: ui.get("degree"), samples: ui.get("samples"), noise: ui.get("noise") },
    ...{ ridge: ui.get("ridge"), seed: ui.get("seed"), curve: ui.get("curve") },
  });
  const width = ui.columns(2, 290);
  const data = plot({
    width,
    height: HEIGHT,
    label: "The samples, the true curve, and the polynomial fitted to the samples",
    x: { domain: [-1, 1], label: "x", ticks: 5 },
    y: { domain: [-2.2, 2.2], label: "y", ticks: 5 },
  });
  const errors = plot({
    width,
    height: HEIGHT,
    label: "Training and validation error of every degree, on a logarithmic scale",
    x: { domain: [-0.4, highest + 0.4], label: "degree", ticks: [0, 3, 6, 9, 12, 15] },
    y: {
      domain: [FLOOR, CEILING],
      type: "log",
      label: "mean squared error",
      ticks: [0.001, 0.01, 0.1, 1, 10, 100],
      format: String,
    },
    margin: { left: 58 },
  });
  // For the pointer alone: the slider does the same for the keyboard.
  errors.svg.style.setProperty("cursor", "pointer");
  errors.svg.addEventListener("click", (event) => {
    const [degree] = errors.at(event);
    ui.set({ degree: clamp(Math.round(degree), 0, highest) });
  });
  const ring = s("circle", {
    r: 9,
    fill: "none",
    "stroke-width": 2,
    style: { stroke: "var(--iml-good)" },
  });
  const name = s("text", { class: "iml-note", style: { fill: "var(--iml-good)" } });
  errors.layer.append(ring, name);

  ui.stage(data.svg, errors.svg);
  ui.controls(
    predict(ui, {
      question: "the samples grow to 100. What happens to the validation error of degree 15?",
      options: ["It falls", "It hardly changes", "It rises: more noise to follow"],
      answer: () => answer().index,
      explain: () => answer().text,
    }),
    ui.slider({
      trait: "degree",
      label: "Degree",
      format: (value) => String(value),
    }),
    ui.slider({
      trait: "samples",
      label: "Samples n",
      format: (value) => String(value),
    }),
    ui.toggle({ trait: "unseen", label: "Validation points" }),
    legend([
      ["training", "training", "dot"],
      ["validation", "validation", "dot"],
      ["prediction", "fit"],
      ["reference", "true curve", "dash"],
    ]),
    fold(
      "Noise, penalty, curve",
      ui.slider({
        trait: "noise",
        label: "Noise σ",
        step: 0.05,
        format: (value) => fixed(value),
      }),
      ui.slider({ trait: "ridge", label: "Ridge λ", scale: "zero, then log", min: 1e-6 }),
      ui.choice({ trait: "curve", label: "True curve", options: ["sine", "cubic", "bump"] }),
      ui.stepper({ trait: "seed", label: "Seed" }),
    ),
  );

  function markBest(best, values) {
    const [x, y] = [errors.x(best), errors.y(Math.max(values[best], 1e-9))];
    const left = best > highest / 2;
    setAttributes(ring, { cx: x.toFixed(1), cy: y.toFixed(1) });
    name.textContent = `best: ${best}`;
    setAttributes(name, {
      x: (x + (left ? -13 : 13)).toFixed(1),
      y: (y + 16).toFixed(1),
      "text-anchor": left ? "end" : "start",
    });
  }

  function answer() {
    const now = { ...setting(), ridge: 0 };
    const before = sweep(now).validationErrors[highest];
    const after = sweep({ ...now, samples: 100 }).validationErrors[highest];
    const index = after < before / 1.5 ? 0 : after > before * 1.5 ? 2 : 1;
    const text =
      `Without a penalty it goes from ${significant(before)} to ${significant(after)}; the noise ` +
      `alone makes ${significant(now.noise ** 2)}. With many samples around it, no single one can ` +
      "pull the curve to itself.";
    return { index, text };
  }

  return () => {
    const now = setting();
    const swept = sweep(now);
    const unpenalized = now.ridge > 0 ? sweep({ ...now, ridge: 0 }) : swept;
    const { training, validation, fits, trainingErrors, validationErrors } = swept;
    const pairs = (set) => set.x.map((x, i) => [x, set.y[i]]);
    data.dots("unseen", ui.get("unseen") ? pairs(validation) : [], {
      ...{ color: "validation", r: 3, hollow: true, opacity: 0.8 },
    });
    data.line(
      "truth",
      GRID.map((x) => [x, model.curveAt(now.curve, x)]),
      { color: "reference", width: 2, dash: "5 4" },
    );
    const fit = fits[now.degree];
    data.line(
      "fit",
      GRID.map((x) => [x, Math.min(1e3, Math.max(-1e3, model.valueAt(fit, x)))]),
      { color: "prediction", width: 3 },
    );
    data.dots("samples", pairs(training), { color: "training", r: 5 });

    const curve = (values) => values.map((value, k) => [k, Math.max(value, 1e-9)]);
    errors.line("training", curve(trainingErrors), { color: "training" });
    errors.line("validation", curve(validationErrors), { color: "validation" });
    errors.dots("training dots", curve(trainingErrors), { color: "training", r: 4 });
    errors.dots("validation dots", curve(validationErrors), { color: "validation", r: 4 });
    errors.rule("noise", { y: now.noise ** 2, label: "noise variance σ²" });
    errors.rule("degree", { x: now.degree, color: "accent", dash: null });
    markBest(model.smallest(validationErrors), validationErrors);
    ui.readout(describe(now, swept, unpenalized));
  };
}

export default defineWidget({
  name: "PolynomialDegree",
  title: "The degree of a polynomial, and its error on seen and unseen points",
  linked: ["degree", "samples", "noise", "ridge", "seed", "curve", "unseen"],
  build,
});
