import { fold } from "../kit/controls.js";
import { defineWidget, h, legend, plot, predict, significant } from "../kit/index.js";
import { describeArrows, describeEpisode, describeStart, describeUpdate } from "./describe.js";
import { grid } from "./grid.js";
import * as model from "./model.js";

const WORLDS = [
  ["room", "one prize"],
  ["prizes", "two prizes"],
  ["cliff", "short cliff"],
];

/** The reader guesses how far back the first prize is felt. */
function question(ui) {
  return predict(ui, {
    question: "the first episode ends on the star. How many cells will have learned from it?",
    options: ["Every cell that it visited", "Only the last one before the star", "None"],
    answer: () => 1,
    explain: () => {
      const [rate, discount] = [ui.get("learning_rate"), ui.get("discount")];
      const second = significant(rate * discount * rate, 3);
      return (
        "An entry learns from its reward and from the next cell's entries, and those are still 0 " +
        `everywhere. The step onto the star makes its entry ${significant(rate, 3)}; the next time ` +
        `that a step leads to that cell, its entry becomes ${second}, and so the prize spreads ` +
        "backwards, a cell at a time."
      );
    },
  });
}

function build(ui) {
  const width = ui.columns(2, 330);
  const { high: most } = ui.forms.episode;
  const setting = () => ({
    rate: ui.get("learning_rate"),
    exploration: ui.get("exploration"),
    discount: ui.get("discount"),
    cost: ui.get("step_cost"),
  });
  const run = (episodes, steps) =>
    model.learn(model.world(ui.get("world")), setting(), ui.get("seed"), episodes, steps);

  const picture = h("div", {});
  const curve = plot({
    width,
    height: 282,
    label: "The return of each episode",
    x: { domain: [0, most], label: "episode", ticks: 5 },
    y: { domain: [0, 1], label: "return", ticks: 5 },
  });
  let [drawn, board] = ["", /** @type {ReturnType<typeof grid> | null} */ (null)];
  let episodeShown = ui.get("episode");

  function stepOnce() {
    const episode = ui.get("episode");
    const steps = Math.min(ui.get("step"), run(episode, ui.get("step")).path.length - 1) + 1;
    const { ended } = run(episode, steps);
    const over = ended || steps === model.LONGEST;
    ui.set(over ? { episode: episode + 1, step: 0 } : { step: steps });
  }

  ui.stage(picture, curve.svg);
  ui.controls(
    ...(ui.get("question") ? [question(ui)] : []),
    ui.player({ trait: "episode", label: "Episode", last: () => most, interval: 120 }),
    ui.button({
      label: "One step",
      name: "One step of the learner",
      onpress: stepOnce,
      disabled: () => ui.get("episode") >= most,
    }),
    ui.slider({ trait: "learning_rate", label: "Learning rate α", step: 0.05 }),
    ui.slider({ trait: "exploration", label: "Exploration ε", step: 0.05 }),
    ui.slider({ trait: "discount", label: "Discount γ", step: 0.05 }),
    fold(
      "Another world, a cost, another draw",
      ui.choice({ trait: "world", label: "World", options: WORLDS }),
      ui.slider({ trait: "step_cost", label: "Cost of a step", step: 0.01 }),
      ui.stepper({ trait: "seed", label: "Draw" }),
    ),
    legend([
      ["accent", "the learner", "dot"],
      ["training", "the last episode: its way, its return"],
      ["good", "best possible return", "dash"],
    ]),
  );

  function drawReturns({ returns }, best) {
    // The whole run has one scale, so that nothing jumps while it is played.
    const all = run(most, 0).returns;
    const [low, top] = [Math.min(0, ...all), Math.max(best, ...all, 0.1)];
    const room = 0.08 * (top - low);
    curve.setAxes({ y: { domain: [low < 0 ? low - room : 0, top + 2 * room] } });
    const points = returns.map((earned, i) => [i + 1, earned]);
    curve.line("returns", points, { color: "training", width: 1.2 });
    curve.dots("each", points, { color: "training", r: 2.6 });
    curve.rule("best", { y: best, color: "good" });
  }

  return () => {
    const [name, discount, cost] = [ui.get("world"), ui.get("discount"), ui.get("step_cost")];
    const [episode, step] = [ui.get("episode"), ui.get("step")];
    if (episode !== episodeShown) {
      episodeShown = episode;
      if (step > 0) return ui.set({ step: 0 }); // the player went on from within an episode
    }
    const place = model.world(name);
    if (!board || drawn !== name) {
      board = grid({ width, place });
      drawn = name;
      picture.replaceChildren(board.svg);
    }
    const now = run(episode, step);
    board.update(now);
    const best = Math.max(...model.bestTable(place, discount, cost)[place.start]);
    drawReturns(now, best);

    const steps = now.path.length - 1;
    const last = now.path[steps];
    const sentences = [];
    if (step === 0 && episode === 0) {
      const [rate, exploration] = [ui.get("learning_rate"), ui.get("exploration")];
      const of = { rate, exploration, seed: ui.get("seed"), cliff: name === "cliff" };
      sentences.push(describeStart(of));
    } else if (step === 0) {
      const prize = now.ended ? place.prizes[last] : null;
      const earned = now.returns[episode - 1];
      sentences.push(describeEpisode({ episode, length: steps, prize, earned }));
    } else sentences.push(`In episode ${episode + 1}.`);
    const { columns } = place;
    if (now.update) {
      const of = { columns, rate: ui.get("learning_rate"), discount, steps };
      sentences.push(describeUpdate(now.update, of));
    }
    const way = model.arrowsLead(place, now.table);
    const earns = model.returnOf(place, way.cells, discount, cost);
    sentences.push(describeArrows(way, { prizes: place.prizes, earns, best, columns }));
    ui.readout(sentences.join(" "));
  };
}

export default defineWidget({
  name: "GridWorld",
  title: "A grid world, and a learner that knows only its rewards",
  linked: [
    "world",
    "learning_rate",
    "exploration",
    "discount",
    "step_cost",
    "seed",
    "episode",
    "step",
  ],
  build,
});
