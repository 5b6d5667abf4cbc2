// The widget kit under linkedom: numbers, links, controls, and what defineWidget promises.
// Run by test_kit.py, or alone: node --test tests/widgets/kit.test.mjs

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { parseHTML } from "linkedom";

const { document, window } = parseHTML("<!doctype html><html><body></body></html>");
globalThis.document = document;
globalThis.window = window;

const kit = "../../introml/widgets/kit";
const { clipped } = await import(`${kit}/clip.js`);
const { defineWidget, hashFromState, stateFromHash } = await import(`${kit}/define.js`);
const { h } = await import(`${kit}/dom.js`);
const { dragHandle } = await import(`${kit}/drag.js`);
const { fixed, percent, powerOfTen, significant, thousands } = await import(`${kit}/format.js`);
const { plot } = await import(`${kit}/plot.js`);
const { predict } = await import(`${kit}/predict.js`);
const { generator, normal, sample } = await import("../../introml/widgets/maths/random.js");
const { roving } = await import(`${kit}/roving.js`);
const { nearest, zeroThenRatios } = await import(`${kit}/scales.js`);

beforeEach(() => document.body.replaceChildren());

/** What a widget gets from anywidget: traits that can be read, set and listened to. */
class Model {
  constructor(state, anchor = null) {
    this.state = { ...state };
    this.anchor = anchor;
    this.listeners = [];
    this.sets = [];
    this.saves = 0;
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    this.state[name] = value;
    this.sets.push(name);
    for (const listener of [...this.listeners]) listener();
  }
  save_changes() {
    this.saves += 1;
  }
  on(event, listener) {
    assert.equal(event, "change");
    this.listeners.push(listener);
  }
  off(_event, listener) {
    this.listeners = this.listeners.filter((other) => other !== listener);
  }
}

/** Mount a widget; `build` as in defineWidget. */
function mount(build, state, { anchor = null, linked } = {}) {
  const model = new Model(state, anchor);
  const el = h("div", {});
  document.body.append(el);
  let ui;
  const widget = defineWidget({
    name: "Probe",
    title: "A probe",
    linked,
    build(given) {
      ui = given;
      return build(given);
    },
  });
  const remove = widget.render({ model, el });
  const root = el.querySelector("figure");
  return { model, el, root, remove, widget, ui: () => ui };
}

/** Mount a single control; returns it with its model. */
function control(name, options, state) {
  let node;
  const mounted = mount((ui) => {
    node = ui[name](options);
    ui.controls(node);
  }, state);
  return { ...mounted, node };
}

function fire(node, type, values = {}) {
  const event = new window.Event(type, { bubbles: true, cancelable: true });
  node.dispatchEvent(Object.assign(event, values));
  return event;
}

/** Move an input as a reader does. */
function move(input, value, type = "input") {
  input.value = String(value);
  fire(input, type);
}

const near = (found, expected, relative = 1e-9) =>
  assert.ok(Math.abs(found - expected) <= relative * Math.abs(expected), `${found} ≉ ${expected}`);

const MINUS = "\u2212";

describe("numbers", () => {
  const cases = [
    [fixed, [1.005, 1], "1.0"],
    [fixed, [2.5, 0], "3"],
    [fixed, [-2.345, 1], `${MINUS}2.3`],
    [fixed, [0], "0.00"],
    [fixed, [-0], "0.00"],
    [fixed, [-0.001], "0.00"],
    [fixed, [123456.789, 1], "123456.8"],
    [fixed, [1e21], "1.00 × 10²¹"],
    [powerOfTen, [1e6], "10⁶"],
    [powerOfTen, [1e-14], "10⁻¹⁴"],
    [powerOfTen, [0.01], "0.01"],
    [powerOfTen, [1000], "1000"],
    [powerOfTen, [0.001], "10⁻³"],
    [powerOfTen, [300], "300"],
    [fixed, [Number.NaN], "not a number"],
    [fixed, [Number.POSITIVE_INFINITY], "infinity"],
    [fixed, [Number.NEGATIVE_INFINITY], `${MINUS}infinity`],
    [significant, [0], "0"],
    [significant, [-0], "0"],
    [significant, [0.031415], "0.031"],
    [significant, [-0.031415, 3], `${MINUS}0.0314`],
    [significant, [1234], "1200"],
    [significant, [0.5], "0.5"],
    [significant, [99999], "100000"],
    [significant, [100000], "1.0 × 10⁵"],
    [significant, [-1234567, 3], `${MINUS}1.23 × 10⁶`],
    [significant, [0.000999], "1.0 × 10⁻³"],
    [significant, [6.02e23, 1], "6 × 10²³"],
    [significant, [-1e-12, 1], `${MINUS}1 × 10⁻¹²`],
    [significant, [Number.NaN], "not a number"],
    [significant, [Number.POSITIVE_INFINITY], "infinity"],
    [significant, [Number.NEGATIVE_INFINITY], `${MINUS}infinity`],
    [thousands, [0], "0"],
    [thousands, [999], "999"],
    [thousands, [1000], "1,000"],
    [thousands, [-123456], `${MINUS}123,456`],
    [thousands, [1234567.5], "1,234,568"],
    [thousands, [-0.4], "0"],
    [thousands, [1e21], "1.00 × 10²¹"],
    [thousands, [Number.NaN], "not a number"],
    [percent, [0], "0%"],
    [percent, [0.158], "16%"],
    [percent, [-0.0471, 1], `${MINUS}4.7%`],
    [percent, [12.5], "1250%"],
    [percent, [-0.001], "0%"],
    [percent, [Number.NaN], "not a number"],
  ];
  for (const [write, values, text] of cases) {
    it(`${write.name}(${values}) is ${text}`, () => assert.equal(write(...values), text));
  }
});

describe("a link to a setting", () => {
  const linked = ["rate", "points", "text", "on"];
  const state = {
    rate: -0.5,
    points: [
      [1, 2.5],
      [3, -4e-7],
    ],
    text: 'a&b=c? #1 "50%" größer',
    on: false,
  };

  it("carries every value there and back", () => {
    const hash = hashFromState("widget-probe", state);
    assert.deepEqual(stateFromHash(hash, "widget-probe", linked), state);
  });
  it("arrives after the browser, or another program, has encoded it again", () => {
    const hash = hashFromState("widget-probe", state);
    const browser = new URL(hash, "https://example.org/page.html").hash;
    assert.deepEqual(stateFromHash(browser, "widget-probe", linked), state);
    const whole = `#${encodeURIComponent(hash.slice(1))}`;
    assert.deepEqual(stateFromHash(whole, "widget-probe", linked), state);
  });
  it("may be written by hand", () => {
    const hash = "#widget-probe?rate=0.1&points=[[1,2]]";
    assert.deepEqual(stateFromHash(hash, "widget-probe", linked), { rate: 0.1, points: [[1, 2]] });
  });
  it("sets only traits that are linked, of this widget", () => {
    const hash = hashFromState("widget-probe", { ...state, other: 1 });
    assert.equal("other" in stateFromHash(hash, "widget-probe", linked), false);
    assert.deepEqual(stateFromHash(hash, "widget-probe-2", linked), {});
  });
  for (const hash of [
    "",
    "#",
    "#widget-probe",
    "#widget-probe?",
    "#%E0%A4%A",
    "#widget-probe?rate",
    "#widget-probe?rate=oops",
    "#widget-probe?rate=1&text=%E0%A4%A",
    "#widget-probe?=&&=",
  ]) {
    it(`is ignored where it is mangled: ${hash}`, () => {
      assert.deepEqual(stateFromHash(hash, "widget-probe", linked), {});
    });
  }
  it("is read through the widget, which knows its own traits", () => {
    const widget = defineWidget({ name: "P", title: "P", linked: ["rate"], build: () => null });
    assert.deepEqual(widget.stateFromHash("#p?rate=2&step=1", "p"), { rate: 2 });
    const forms = { rate: { kind: "whole", low: 1, high: 3 } };
    assert.deepEqual(widget.stateFromHash("#p?rate=3", "p", forms), { rate: 3 });
    for (const bad of ["4", "0", "1.5", "[2]", "null", "true", "1e999", '"2"']) {
      assert.deepEqual(widget.stateFromHash(`#p?rate=${bad}`, "p", forms), {}, bad);
    }
    const without = defineWidget({ name: "P", title: "P", build: () => null });
    assert.deepEqual(without.stateFromHash("#p?rate=2", "p"), {});
  });
});

describe("elements", () => {
  it("leave out what is null, undefined or false, and take true as present", () => {
    const node = h("input", { a: null, b: undefined, c: false, d: true, e: 0 });
    assert.deepEqual([...node.getAttributeNames()].sort(), ["d", "e"]);
    assert.equal(node.getAttribute("d"), "");
    assert.equal(node.getAttribute("e"), "0");
  });
  it("take listeners, styles and nested children", () => {
    let clicks = 0;
    const node = h(
      "p",
      { onclick: () => (clicks += 1), style: { "--x": "1px" } },
      ["a", null],
      [[h("b", {}, "c")]].flat(),
    );
    fire(node, "click");
    assert.equal(clicks, 1);
    assert.equal(node.style.getPropertyValue("--x"), "1px");
    assert.equal(node.innerHTML, "a<b>c</b>");
  });
  it("show text as text", () => {
    assert.equal(h("p", {}, "<script>").innerHTML, "&lt;script&gt;");
  });
});

describe("a slider", () => {
  const options = { trait: "rate", label: "Rate", min: 0.001, max: 10, scale: "log" };
  const logSlider = (value, more = {}) => {
    const made = control("slider", { ...options, ...more }, { rate: value });
    const input = made.node.querySelector("input");
    const at = (position) => {
      move(input, position);
      return made.model.get("rate");
    };
    return { ...made, input, at };
  };

  it("writes its value and shows it, named by its label", () => {
    const linear = { trait: "rate", label: "Rate", min: -1, max: 1, step: 0.5 };
    const { node, model } = control("slider", linear, { rate: 0.5 });
    const input = node.querySelector("input");
    assert.deepEqual(
      [input.value, input.getAttribute("min"), input.getAttribute("max")],
      ["0.5", "-1", "1"],
    );
    assert.equal(node.querySelector("label").getAttribute("for"), input.id);
    move(input, -0.5);
    assert.equal(model.get("rate"), -0.5);
    assert.equal(node.querySelector("output").textContent, `${MINUS}0.5`);
    assert.equal(input.getAttribute("aria-valuetext"), `${MINUS}0.5`);
    assert.equal(input.style.getPropertyValue("--filled"), "25%");
  });
  it("with a log scale has both ends exactly and equal ratios between", () => {
    const { at, input } = logSlider(0.1);
    const last = Number(input.getAttribute("max"));
    assert.equal(at(0), 0.001);
    assert.equal(at(last), 10);
    for (let position = 0; position <= last; position += 1) {
      near(at(position), 0.001 * 10 ** ((4 * position) / last), 6e-3);
    }
  });
  it("keeps ends that have many digits, and never leaves them", () => {
    const { at, input } = logSlider(1, { min: 0.12345, max: 9.99651 });
    const last = Number(input.getAttribute("max"));
    assert.equal(at(0), 0.12345);
    assert.equal(at(last), 9.99651);
    for (let position = 0; position <= last; position += 1) {
      const value = at(position);
      assert.ok(value >= 0.12345 && value <= 9.99651, `${value} at ${position}`);
    }
  });
  it("has another whole number at each position for a trait that holds these", () => {
    const form = { kind: "whole", low: 1, high: 100_000 };
    const options = { trait: "count", label: "Count", scale: "log" };
    const { node, model } = control("slider", options, { count: 8, _forms: { count: form } });
    const input = node.querySelector("input");
    assert.deepEqual([input.value, input.getAttribute("max")], ["7", "200"]);
    const reached = [];
    for (let position = 0; position <= 200; position += 1) {
      move(input, position);
      reached.push(model.get("count"));
    }
    assert.ok(reached.every(Number.isInteger));
    assert.ok(reached.every((value, i) => i === 0 || value > reached[i - 1]));
    assert.deepEqual(reached.slice(0, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // Once ratios set the pace: 100000^(1/200) is 1.0593.
    for (let i = 101; i <= 200; i += 1) near(reached[i] / reached[i - 1], 1.0593, 0.01);
    assert.equal(reached[200], 100_000);
    const few = { trait: "count", label: "Count", scale: "log" };
    const short = control("slider", few, { count: 3, _forms: { count: { ...form, high: 20 } } });
    const bounds = ["min", "max"].map((end) => short.node.querySelector("input").getAttribute(end));
    assert.deepEqual(bounds, ["1", "20"]);
  });
  it("stands where a value set from Python belongs, and leaves the value alone", () => {
    const { input, model, node } = logSlider(0.1);
    assert.equal(input.value, "100");
    model.set("rate", 0.3333);
    // 200 · ln(0.3333 / 0.001) / ln(10 / 0.001) = 126.1
    assert.equal(input.value, "126");
    assert.equal(model.get("rate"), 0.3333);
    assert.equal(node.querySelector("output").textContent, "0.33");
  });
  it("does not move the thumb when its position already means the value", () => {
    const { input, model } = logSlider(0.1);
    for (let position = 0; position <= 200; position += 1) {
      move(input, position);
      model.set("rate", model.get("rate"));
      assert.equal(input.value, String(position));
    }
  });
});

describe("the scales of a slider", () => {
  it("may begin with zero, and have equal ratios after it", () => {
    const at = zeroThenRatios(1e-6, 10);
    assert.equal(at.most, 100);
    assert.equal(at.toValue(0), 0);
    for (let position = 1; position <= 100; position += 1) {
      const value = at.toValue(position);
      near(value, 1e-6 * 1e7 ** ((position - 1) / 99), 6e-3);
      assert.equal(at.toPosition(value), position);
    }
    assert.equal(at.toPosition(0), 0);
    // A value below the least that a position stands for is shown at that position, not at zero.
    assert.deepEqual([5e-7, 1e-9].map(at.toPosition), [1, 1]);
  });
  it("may be a list, which may change; between two entries the thumb stands at the nearer ratio", () => {
    let values = [1, 2, 3, 4, 6, 8];
    const options = { trait: "size", label: "Size", values: () => values, format: String };
    const { node, model, ui } = control("slider", options, { size: 6 });
    const input = node.querySelector("input");
    const shown = () => ["min", "max", "step", "value"].map((name) => input.getAttribute(name));
    assert.deepEqual(shown(), ["0", "5", "1", "4"]);
    move(input, 2);
    assert.equal(model.get("size"), 3);
    ui().set({ size: 7 });
    assert.deepEqual([input.value, node.querySelector("output").textContent], ["5", "7"]);
    values = [1, 7];
    ui().redraw();
    assert.deepEqual(shown(), ["0", "1", "1", "1"]);
    assert.deepEqual(
      [1, 3, 5, 99].map((value) => nearest([1, 2, 4, 8], value)),
      [0, 2, 2, 3],
    );
  });
  it("ends at the bounds of the trait, which come with its values, or at narrower ones", () => {
    const _forms = {
      rate: { kind: "real", low: -1, high: 4 },
      steps: { kind: "whole", low: 2, high: 9 },
    };
    const state = { rate: 1, steps: 5, _forms };
    const ends = (options) => {
      const { node } = control("slider", { label: "L", ...options }, state);
      const input = node.querySelector("input");
      return ["min", "max", "step"].map((name) => input.getAttribute(name));
    };
    assert.deepEqual(ends({ trait: "rate" }), ["-1", "4", "any"]);
    assert.deepEqual(ends({ trait: "rate", max: 2, step: 0.5 }), ["-1", "2", "0.5"]);
    assert.deepEqual(ends({ trait: "steps" }), ["2", "9", "1"]);
    const { node } = control("stepper", { trait: "steps", label: "L" }, state);
    const input = node.querySelector("input");
    assert.deepEqual(
      ["min", "max"].map((name) => input.getAttribute(name)),
      ["2", "9"],
    );
  });
});

describe("a stepper", () => {
  const stepper = (value, more = {}) => {
    const options = { trait: "k", label: "Width", min: 1, max: 5, ...more };
    const made = control("stepper", options, { k: value });
    const [less, plus] = made.node.querySelectorAll("button");
    return { ...made, less, plus, input: made.node.querySelector("input") };
  };

  it("goes up and down by its step and stops at both ends", () => {
    const { less, plus, model } = stepper(3, { step: 2 });
    fire(plus, "click");
    fire(plus, "click");
    assert.equal(model.get("k"), 5);
    for (let i = 0; i < 4; i += 1) fire(less, "click");
    assert.equal(model.get("k"), 1);
  });
  it("says at an end that it goes no further, and keeps the focus", () => {
    const { less, plus, model } = stepper(5);
    const disabled = () => [less, plus].map((node) => node.getAttribute("aria-disabled"));
    assert.deepEqual(disabled(), ["false", "true"]);
    model.set("k", 1);
    assert.deepEqual(disabled(), ["true", "false"]);
    assert.equal(plus.hasAttribute("disabled"), false);
  });
  for (const [typed, kept] of [
    ["4", 4],
    ["99", 5],
    ["-7", 1],
    ["2.6", 3],
    ["", 2],
    ["1e1", 5],
  ]) {
    it(`turns “${typed}” into ${kept}`, () => {
      const { input, model } = stepper(2);
      move(input, typed, "change");
      assert.equal(model.get("k"), kept);
      assert.equal(input.value, String(kept));
    });
  }
  it("follows bounds that depend on other traits", () => {
    let top = 2;
    const { plus, input, model, ui } = stepper(2, { max: () => top });
    fire(plus, "click");
    assert.equal(model.get("k"), 2);
    top = 4;
    ui().redraw();
    assert.equal(input.getAttribute("max"), "4");
    fire(plus, "click");
    assert.equal(model.get("k"), 3);
  });
  it("has a name for each of its buttons", () => {
    const { less, plus } = stepper(2);
    assert.equal(less.getAttribute("aria-label"), "Decrease Width");
    assert.equal(plus.getAttribute("aria-label"), "Increase Width");
  });
});

describe("choices", () => {
  it("as radio buttons write the value, not its text, and show what is chosen", () => {
    const options = {
      trait: "n",
      label: "Count",
      options: [
        [1, "one"],
        [2, "two"],
      ],
    };
    const { node, model } = control("choice", options, { n: 2 });
    const [one, two] = node.querySelectorAll("input");
    assert.deepEqual([one.hasAttribute("checked"), two.hasAttribute("checked")], [false, true]);
    fire(one, "change");
    assert.equal(model.get("n"), 1);
    assert.deepEqual([one.hasAttribute("checked"), two.hasAttribute("checked")], [true, false]);
    assert.equal(one.name, two.name);
    assert.equal(node.querySelector("legend").textContent, "Count");
  });
  it("as a menu show what is chosen, in the still picture too, and write the value", () => {
    const options = { trait: "n", label: "Count", options: [[1, "one"], "two", [3, "three"]] };
    const { node, model } = control("select", options, { n: "two" });
    const input = node.querySelector("select");
    const still = () => [...node.querySelectorAll("option[selected]")].map((o) => o.textContent);
    assert.deepEqual([still(), input.selectedIndex], [["two"], 1]);
    model.set("n", 1);
    assert.deepEqual([still(), input.selectedIndex], [["one"], 0]);
    input.selectedIndex = 2;
    fire(input, "change");
    assert.equal(model.get("n"), 3);
    assert.deepEqual([still(), input.selectedIndex], [["three"], 2]);
  });
  it("as a menu can show a value that cannot be chosen", () => {
    const options = { trait: "n", label: "Count", options: ["own", "one"], shown: ["own"] };
    const { node } = control("select", options, { n: "own" });
    const [own, one] = node.querySelectorAll("option");
    assert.deepEqual([own.hasAttribute("disabled"), one.hasAttribute("disabled")], [true, false]);
    assert.equal(own.hasAttribute("selected"), true);
  });
  it("as radio buttons are off while there is nothing to choose", () => {
    let off = true;
    const options = { trait: "n", label: "Count", options: [1, 2], disabled: () => off };
    const { node, ui } = control("choice", options, { n: 2 });
    assert.equal(node.hasAttribute("disabled"), true);
    off = false;
    ui().redraw();
    assert.equal(node.hasAttribute("disabled"), false);
  });
  it("as a switch write true and false", () => {
    const { node, model } = control("toggle", { trait: "on", label: "On" }, { on: false });
    const input = node.querySelector("input");
    assert.equal(input.getAttribute("role"), "switch");
    input.checked = true;
    fire(input, "change");
    assert.equal(model.get("on"), true);
    assert.equal(input.hasAttribute("checked"), true);
  });
});

describe("a button", () => {
  it("does nothing while it is disabled, and says so", () => {
    let presses = 0;
    const options = { label: "Go", onpress: () => (presses += 1) };
    const { node, model } = control(
      "button",
      { ...options, disabled: () => model0.off, pressed: () => presses > 0 },
      {},
    );
    fire(node, "click");
    assert.equal(presses, 0);
    assert.equal(node.getAttribute("aria-disabled"), "true");
    model0.off = false;
    model.set("any", 1);
    fire(node, "click");
    assert.equal(presses, 1);
    model.set("any", 2);
    assert.equal(node.getAttribute("aria-pressed"), "true");
  });
  const model0 = { off: true };
});

describe("a player", () => {
  let end;
  const player = (t, step) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    end = 4;
    const options = { trait: "step", label: "Step", last: () => end, interval: 100 };
    const made = control("player", options, { step });
    const [back, start, forward] = made.node.querySelectorAll("button");
    return { ...made, back, start, forward, input: made.node.querySelector("input") };
  };

  it("plays to the end, a step an interval, and stops there", (t) => {
    const { start, model } = player(t, 1);
    assert.equal(start.textContent, "Play");
    fire(start, "click");
    assert.equal(start.textContent, "Pause");
    t.mock.timers.tick(100);
    assert.equal(model.get("step"), 2);
    t.mock.timers.tick(200);
    assert.equal(model.get("step"), 4);
    assert.equal(start.textContent, "Play");
    const sets = model.sets.length;
    t.mock.timers.tick(1000);
    assert.equal(model.sets.length, sets);
  });
  it("pauses and goes on", (t) => {
    const { start, model } = player(t, 0);
    fire(start, "click");
    t.mock.timers.tick(100);
    fire(start, "click");
    t.mock.timers.tick(500);
    assert.equal(model.get("step"), 1);
    fire(start, "click");
    t.mock.timers.tick(100);
    assert.equal(model.get("step"), 2);
  });
  it("begins anew when it is played at the end", (t) => {
    const { start, model } = player(t, 4);
    fire(start, "click");
    assert.equal(model.get("step"), 0);
    t.mock.timers.tick(100);
    assert.equal(model.get("step"), 1);
  });
  it("steps by hand and stops at both ends", (t) => {
    const { back, forward, model } = player(t, 3);
    fire(forward, "click");
    fire(forward, "click");
    assert.equal(model.get("step"), 4);
    assert.equal(forward.getAttribute("aria-disabled"), "true");
    for (let i = 0; i < 6; i += 1) fire(back, "click");
    assert.equal(model.get("step"), 0);
    assert.equal(back.getAttribute("aria-disabled"), "true");
    assert.equal(back.getAttribute("aria-label"), "Step back: Step");
  });
  it("is scrubbed, within its ends", (t) => {
    const { input, node, model } = player(t, 0);
    move(input, 3);
    assert.equal(model.get("step"), 3);
    assert.equal(node.querySelector("output").textContent, "3/4");
    assert.equal(input.getAttribute("aria-valuetext"), "3 of 4");
    move(input, 99);
    assert.equal(model.get("step"), 4);
  });
  it("shows the last step where there are now fewer", (t) => {
    const { node, ui } = player(t, 4);
    end = 2;
    ui().redraw();
    assert.equal(node.querySelector("output").textContent, "2/2");
  });
  it("ends with its widget", (t) => {
    const { start, model, remove } = player(t, 0);
    fire(start, "click");
    remove();
    t.mock.timers.tick(1000);
    assert.equal(model.get("step"), 0);
  });
});

describe("defineWidget", () => {
  it("makes a named figure that says when it is ready", () => {
    const { root } = mount(() => null, {});
    assert.equal(root.getAttribute("data-widget"), "Probe");
    assert.equal(root.getAttribute("aria-label"), "A probe");
    assert.equal(root.getAttribute("data-ready"), "true");
    assert.equal(root.querySelectorAll("[data-readout][role=status]").length, 1);
    assert.equal(root.querySelector(".iml-problem").hidden, true);
  });
  it("gives each figure an id of its own, or the anchor that the page gave", () => {
    const [one, two] = [mount(() => null, {}), mount(() => null, {})];
    assert.notEqual(one.root.id, two.root.id);
    assert.equal(mount(() => null, {}, { anchor: "widget-probe" }).root.id, "widget-probe");
  });
  it("redraws once for a set of several traits, and saves once", () => {
    let draws = 0;
    const { model, ui } = mount(() => () => (draws += 1), { a: 1, b: [1], c: 1 });
    draws = 0;
    ui().set({ a: 2, b: [1, 2], c: 3 });
    assert.deepEqual(model.sets, ["a", "b", "c"]);
    assert.deepEqual([draws, model.saves], [1, 1]);
  });
  it("does not set what has not changed", () => {
    const { model, ui } = mount(() => null, { a: 1, b: [1, 2] });
    ui().set({ a: 1, b: [1, 2] });
    assert.deepEqual(model.sets, []);
  });
  it("redraws when Python changes a trait", () => {
    const { root, model } = mount((ui) => () => ui.readout(`a is ${ui.get("a")}`), { a: 1 });
    model.set("a", 2);
    assert.equal(root.querySelector("[data-readout]").textContent, "a is 2");
  });

  const drawing = (ui) => () => {
    if (ui.get("a") < 0) throw new Error("a must not be negative");
    ui.readout(`a is ${ui.get("a")}`);
  };
  const problemIn = (root) => {
    const node = root.querySelector(".iml-problem");
    return node.hidden ? null : node.textContent;
  };

  it("says in its place what cannot be drawn, and recovers", () => {
    const { root, model } = mount(drawing, { a: 1 });
    model.set("a", -1);
    assert.equal(problemIn(root), "A probe cannot be drawn: a must not be negative");
    assert.equal(root.querySelector("[data-readout]").textContent, "");
    assert.equal(root.classList.contains("iml-has-problem"), true);
    model.set("a", 3);
    assert.equal(problemIn(root), null);
    assert.equal(root.querySelector("[data-readout]").textContent, "a is 3");
    assert.equal(root.classList.contains("iml-has-problem"), false);
  });
  it("says in its place what cannot be built, and builds it from the next values", () => {
    let builds = 0;
    const build = (ui) => {
      builds += 1;
      if (ui.get("a") < 0) throw new Error("a must not be negative");
      ui.stage(h("p", { class: "drawn" }));
      return drawing(ui);
    };
    const { root, model, ui } = mount(build, { a: -1 }, { linked: ["a"] });
    assert.equal(problemIn(root), "A probe cannot be drawn: a must not be negative");
    model.set("a", -2);
    assert.equal(problemIn(root), "A probe cannot be drawn: a must not be negative");
    ui().set({ a: 4 });
    assert.equal(problemIn(root), null);
    assert.equal(root.querySelectorAll(".drawn").length, 1);
    assert.equal(root.querySelectorAll(".iml-footer").length, 1);
    assert.equal(root.querySelector("[data-readout]").textContent, "a is 4");
    assert.equal(builds, 3);
    model.set("a", 5);
    assert.equal(builds, 3);
  });
  it("still redraws after a listener outside has failed during a set", () => {
    const { root, model, ui } = mount(drawing, { a: 1 });
    const failing = () => {
      throw new Error("outside");
    };
    model.on("change", failing);
    assert.throws(() => ui().set({ a: 2 }), /outside/);
    model.off("change", failing);
    model.set("a", 3);
    assert.equal(root.querySelector("[data-readout]").textContent, "a is 3");
  });
  it("leaves nothing behind when it is removed", () => {
    let [draws, removals] = [0, 0];
    const { model, remove } = mount(
      (ui) => {
        ui.onRemove(() => (removals += 1));
        return () => (draws += 1);
      },
      { a: 1 },
    );
    remove();
    draws = 0;
    model.set("a", 2);
    assert.deepEqual([draws, removals, model.listeners.length], [0, 1, 0]);
  });
  it("is built anew for another width, in the same state", (t) => {
    const observers = [];
    globalThis.ResizeObserver = class {
      constructor(callback) {
        this.callback = callback;
        observers.push(this);
      }
      observe(node) {
        this.node = node;
      }
      disconnect() {
        this.node = null;
      }
    };
    t.after(() => delete globalThis.ResizeObserver);
    const widths = [];
    let removals = 0;
    const { root, model, remove } = mount(
      (ui) => {
        widths.push(ui.width);
        ui.onRemove(() => (removals += 1));
        return drawing(ui);
      },
      { a: 1 },
    );
    const [observer] = observers;
    Object.defineProperty(root, "clientWidth", { value: 340, configurable: true });
    model.set("a", 7);
    observer.callback();
    observer.callback();
    assert.deepEqual(widths, [900, 340]);
    assert.equal(removals, 1);
    assert.equal(root.querySelector("[data-readout]").textContent, "a is 7");
    assert.equal(root.querySelectorAll("[data-readout]").length, 1);
    remove();
    assert.equal(observer.node, null);
    assert.equal(removals, 2);
  });
  it("stands panels side by side only where each has room", () => {
    const { ui } = mount(() => null, {});
    assert.equal(ui().columns(2, 300, 20), 440);
    assert.equal(ui().columns(3, 300, 20), 900);
  });
  it("keeps key presses from the notebook around it", () => {
    const { root, el } = mount(() => null, {});
    let heard = 0;
    el.addEventListener("keydown", () => (heard += 1));
    fire(root, "keydown", { key: "a" });
    assert.equal(heard, 0);
  });

  const buttons = (root) => [...root.querySelectorAll(".iml-footer button")];

  it("puts the linked traits back as they were, and only then has nothing to reset", () => {
    const { root, model } = mount(drawing, { a: 1, b: 5 }, { linked: ["a"] });
    const [reset] = buttons(root);
    assert.equal(reset.getAttribute("aria-disabled"), "true");
    model.set("a", 3);
    model.set("b", 6);
    assert.equal(reset.getAttribute("aria-disabled"), "false");
    fire(reset, "click");
    assert.deepEqual(model.state, { a: 1, b: 6 });
    assert.equal(root.querySelector("[data-readout]").textContent, "a is 1");
    assert.equal(reset.getAttribute("aria-disabled"), "true");
  });
  it("offers a link in a page, none in a notebook, and no footer without linked traits", () => {
    const page = mount(() => null, { a: 1 }, { linked: ["a"], anchor: "widget-probe" });
    assert.equal(buttons(page.root).length, 2);
    assert.equal(buttons(mount(() => null, { a: 1 }, { linked: ["a"] }).root).length, 1);
    assert.equal(mount(() => null, { a: 1 }).root.querySelector(".iml-footer"), null);
  });
  it("puts the setting into the address", (t) => {
    const addresses = [];
    globalThis.history = { replaceState: (_state, _title, address) => addresses.push(address) };
    globalThis.location = { href: "" };
    // The node of some systems has no navigator; a browser's may lack the clipboard.
    globalThis.navigator ??= {};
    t.mock.timers.enable({ apis: ["setTimeout"] });
    t.after(() => {
      delete globalThis.history;
      delete globalThis.location;
    });
    const { root, model, widget } = mount(drawing, { a: 1 }, { linked: ["a"], anchor: "w" });
    model.set("a", 0.25);
    const copy = buttons(root)[1];
    fire(copy, "click");
    assert.deepEqual(widget.stateFromHash(addresses[0], "w"), { a: 0.25 });
    assert.equal(copy.textContent, "The address now holds this setting");
    t.mock.timers.tick(2500);
    assert.equal(copy.textContent, "Link to this setting");
  });
});

describe("a handle", () => {
  const handle = (options = {}) => {
    let at = [1, 2];
    const chart = { front: h("g", {}), x: (x) => 10 * x, y: (y) => -10 * y };
    const redraw = dragHandle(chart, {
      label: "Point",
      get: () => at,
      set: (to) => {
        at = to;
      },
      step: [0.5, 0.25],
      limits: { x: [0, 4], y: [0, 3] },
      ...options,
    });
    redraw();
    const node = chart.front.querySelector("[role=slider]");
    const press = (key, more = {}) => {
      const event = fire(node, "keydown", { key, ...more });
      redraw();
      return event;
    };
    return { node, press, at: () => at };
  };

  it("is moved by arrow keys, ten steps with Shift, and stays within its limits", () => {
    const { press, at } = handle();
    press("ArrowRight");
    press("ArrowDown");
    assert.deepEqual(at(), [1.5, 1.75]);
    press("ArrowRight", { shiftKey: true });
    press("ArrowUp", { shiftKey: true });
    assert.deepEqual(at(), [4, 3]);
  });
  it("goes to the ends by Home and End", () => {
    const { press, at } = handle();
    press("End");
    assert.deepEqual(at(), [4, 2]);
    press("Home");
    assert.deepEqual(at(), [0, 2]);
    const upright = handle({ axis: "y" });
    upright.press("End");
    assert.deepEqual(upright.at(), [1, 3]);
  });
  it("on one axis follows every arrow key, and only along it", () => {
    const across = handle({ axis: "x" });
    across.press("ArrowUp");
    across.press("ArrowRight");
    assert.deepEqual(across.at(), [2, 2]);
    const upright = handle({ axis: "y" });
    upright.press("ArrowLeft");
    assert.deepEqual(upright.at(), [1, 1.75]);
  });
  it("takes the keys that it uses and leaves the others", () => {
    const { press } = handle();
    assert.equal(press("ArrowLeft").defaultPrevented, true);
    assert.equal(press("Tab").defaultPrevented, false);
    assert.equal(press("a").defaultPrevented, false);
  });
  it("tells its place", () => {
    const { node, press } = handle({ describe: ([x]) => `x is ${x}` });
    press("ArrowRight");
    assert.equal(node.getAttribute("aria-valuetext"), "x is 1.5");
    assert.equal(node.getAttribute("aria-valuenow"), "1.5");
    assert.equal(node.getAttribute("aria-valuemax"), "4");
    assert.equal(node.getAttribute("transform"), "translate(15.0 -20.0)");
    assert.equal(node.getAttribute("tabindex"), "0");
  });
});

describe("a grid with one tab stop", () => {
  // 0 1 2
  // 3 4 5
  // 6 7
  const grid = (columns = 3) => {
    let chosen = -1;
    const nodes = Array.from({ length: 8 }, () => h("span", { role: "option" }));
    for (const node of nodes) node.focus = () => {};
    let cleared = 0;
    const redraw = roving(nodes, {
      columns,
      current: () => chosen,
      choose: (index) => {
        chosen = index;
      },
      clear: () => (cleared += 1),
    });
    redraw();
    const press = (from, key, more = {}) => {
      const event = fire(nodes[from], "keydown", { key, ...more });
      redraw();
      return event.defaultPrevented ? chosen : null;
    };
    return { nodes, press, cleared: () => cleared };
  };

  for (const [from, key, to] of [
    [4, "ArrowLeft", 3],
    [4, "ArrowRight", 5],
    [4, "ArrowUp", 1],
    [4, "ArrowDown", 7],
    [3, "ArrowLeft", 3],
    [2, "ArrowRight", 2],
    [1, "ArrowUp", 1],
    [5, "ArrowDown", 5],
    [0, "ArrowLeft", 0],
    [7, "ArrowRight", 7],
    [4, "Home", 3],
    [4, "End", 5],
  ]) {
    it(`${key} leads from ${from} to ${to}`, () => assert.equal(grid().press(from, key), to));
  }
  it("Home and End lead to the first and the last with Ctrl", () => {
    assert.equal(grid().press(4, "Home", { ctrlKey: true }), 0);
    assert.equal(grid().press(4, "End", { ctrlKey: true }), 7);
  });
  it("End in a row that is not full leads to its last place", () => {
    assert.equal(grid().press(6, "End"), 7);
  });
  it("as a list is walked by every arrow key", () => {
    for (const [key, to] of [
      ["ArrowDown", 4],
      ["ArrowRight", 4],
      ["ArrowUp", 2],
      ["End", 7],
    ]) {
      assert.equal(grid(1).press(3, key), to);
    }
  });
  it("has exactly one tab stop, the chosen place or the first", () => {
    const { nodes, press } = grid();
    const stops = () =>
      nodes.flatMap((node, i) => (node.getAttribute("tabindex") === "0" ? [i] : []));
    assert.deepEqual(stops(), [0]);
    press(4, "Enter");
    assert.deepEqual(stops(), [4]);
    assert.equal(nodes[4].getAttribute("aria-selected"), "true");
  });
  it("lets Escape clear, and other keys pass", () => {
    const { press, cleared } = grid();
    press(4, "Escape");
    assert.equal(cleared(), 1);
    assert.equal(press(4, "Tab"), null);
  });
});

describe("a prediction", () => {
  it("says whether the guess was right and explains", () => {
    let node;
    mount((ui) => {
      node = predict(ui, {
        question: "Up?",
        options: ["Yes, it does", "No"],
        answer: () => 1,
        explain: () => "It falls.",
      });
    }, {});
    const [yes, no] = node.querySelectorAll("input");
    const verdict = node.querySelector("[role=status]");
    assert.equal(verdict.textContent, "");
    fire(yes, "change");
    assert.equal(verdict.textContent, "Yes, it does: not quite. It falls.");
    assert.equal(verdict.classList.contains("iml-right"), false);
    fire(no, "change");
    assert.equal(verdict.textContent, "No: yes. It falls.");
    assert.equal(verdict.classList.contains("iml-right"), true);
  });
});

describe("random numbers", () => {
  it("are mulberry32's", () => {
    // Worked out in C from the published function, for seed 1.
    const random = generator(1);
    const expected = [2693262067, 11749833, 2265367787, 4213581821, 4159151403];
    assert.deepEqual(
      expected.map(() => random() * 2 ** 32),
      expected,
    );
  });
  it("shuffle into every order equally often", () => {
    const random = generator(5);
    const seen = {};
    for (let i = 0; i < 6000; i += 1) {
      const order = sample(random, 3).join("");
      seen[order] = (seen[order] ?? 0) + 1;
    }
    assert.equal(Object.keys(seen).length, 6);
    // Six standard deviations of a binomial count around 1000.
    for (const count of Object.values(seen)) assert.ok(Math.abs(count - 1000) < 6 * 29);
  });
  it("are picked without repeating one", () => {
    const random = generator(2);
    for (let i = 0; i < 200; i += 1) {
      const picked = sample(random, 10, 4);
      assert.equal(new Set(picked).size, 4);
      assert.ok(picked.every((k) => k >= 0 && k < 10));
    }
  });
  it("follow the normal curve", () => {
    const random = generator(3);
    const values = Array.from({ length: 20000 }, () => normal(random));
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05);
    near(values.filter((v) => Math.abs(v) < 1).length / values.length, 0.6827, 0.02);
  });
});

describe("a line that leaves the drawing", () => {
  const box = [0, 0, 10, 5];
  const inside = ([x, y], slack) => x >= -slack && y >= -slack && x <= 10 + slack && y <= 5 + slack;
  /** How far a point is from a polyline. */
  const distance = ([px, py], line) =>
    Math.min(
      ...line.slice(1).map(([bx, by], i) => {
        const [ax, ay] = line[i];
        const square = (bx - ax) ** 2 + (by - ay) ** 2;
        const share = square && ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / square;
        const at = Math.min(1, Math.max(0, share));
        return Math.hypot(px - ax - at * (bx - ax), py - ay - at * (by - ay));
      }),
    );

  it("is itself as long as it stays", () => {
    const points = [
      [0, 0],
      [10, 5],
      [3, 3],
      [3, 3],
    ];
    assert.deepEqual(clipped(points, box), [points]);
  });
  it("is cut at the border, and comes back", () => {
    const points = [
      [5, 2],
      [15, 2],
      [15, 4],
      [5, 4],
    ];
    assert.deepEqual(clipped(points, box), [
      [points[0], [10, 2]],
      [[10, 4], points[3]],
    ]);
    assert.deepEqual(
      clipped(
        [
          [-10, 2.5],
          [20, 2.5],
        ],
        box,
      ),
      [
        [
          [0, 2.5],
          [10, 2.5],
        ],
      ],
    );
  });
  it("is in two where it turns back outside", () => {
    const points = [
      [5, 2],
      [15, 3],
      [5, 4],
    ];
    assert.deepEqual(clipped(points, box), [
      [points[0], [10, 2.5]],
      [[10, 3.5], points[2]],
    ]);
  });
  it("is interrupted by what is no number", () => {
    const [a, b, c] = [
      [1, 1],
      [2, 2],
      [3, 1],
    ];
    assert.deepEqual(clipped([a, b, [Number.NaN, 1], b, c], box), [
      [a, b],
      [b, c],
    ]);
    for (const far of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.deepEqual(clipped([a, b, [1, far], [far, 1], [far, far], c], box), [[a, b]]);
    }
  });
  it("keeps what lies in the box and nothing else, wherever it goes", () => {
    const random = generator(7);
    for (let round = 0; round < 300; round += 1) {
      const spread = 10 ** (6 * random());
      const points = Array.from({ length: 8 }, () => [
        5 + spread * (random() - 0.5),
        2.5 + spread * (random() - 0.5),
      ]);
      const parts = clipped(points, box);
      for (const part of parts) {
        assert.ok(part.every((point) => inside(point, 1e-9 * spread)));
        for (const point of part) assert.ok(distance(point, points) < 1e-9 * spread);
      }
      // Samples of the line, denser where it is near the box.
      for (const [i, [bx, by]] of points.slice(1).entries()) {
        const [ax, ay] = points[i];
        const nearest =
          ((5 - ax) * (bx - ax) + (2.5 - ay) * (by - ay)) / Math.hypot(bx - ax, by - ay) ** 2;
        for (let k = -50; k <= 50; k += 1) {
          const share = Math.min(1, Math.max(0, nearest + (k / 50) * (8 / spread)));
          const point = [ax + share * (bx - ax), ay + share * (by - ay)];
          if (inside(point, -1e-9 * spread)) {
            assert.ok(Math.min(...parts.map((part) => distance(point, part))) < 1e-9 * spread);
          }
        }
      }
    }
  });
  it("stays within reach on a chart, with its dots", () => {
    const axis = { domain: [0, 1], label: "w" };
    const chart = plot({ width: 300, height: 200, label: "A run", x: axis, y: axis });
    const far = [
      [0.5, 0.5],
      [4e6, 1e6],
    ];
    const numbers = (text) => text.match(/-?[\d.]+/g).map(Number);
    const path = numbers(chart.line("path", far).getAttribute("d"));
    assert.equal(path.length, 4);
    assert.ok(path.every((value) => Math.abs(value) <= 600));
    assert.equal(chart.dots("ends", far).childElementCount, 1);
  });
});
