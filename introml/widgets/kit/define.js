// defineWidget: what every widget shares. It lays out the figure, binds controls to traits, redraws
// on change, says in its place what cannot be drawn, and puts the state into a link.

import * as controls from "./controls.js";
import { h } from "./dom.js";
import { checkForms, fits } from "./forms.js";

/** @import { Form } from "./forms.js" */

/**
 * What anywidget, the page's host and the still picture give a widget.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, listener: () => void) => void} on
 * @property {(event: string, listener: () => void) => void} off
 * @property {string} [anchor] the figure's id, in a page
 * @property {boolean} [linked] whether the page was opened by a link to a setting of this figure
 * @property {boolean} [still]
 */
/**
 * What a control needs to know of its widget.
 * @typedef {object} Bound
 * @property {Record<string, any>} forms what each trait may hold, from its Python class
 * @property {(name: string) => any} get
 * @property {(changes: Record<string, any>) => void} set one or more traits; the widget redraws once
 *   and Python hears of it
 * @property {(name: string) => string} id
 * @property {(callback: () => void) => void} onRedraw
 * @property {(callback: () => void) => void} onRemove
 * @property {() => void} redraw
 */
/**
 * What a widget draws itself with.
 * @typedef {object} Figure
 * @property {number} width pixels across; panels are laid out for it
 * @property {boolean} narrow
 * @property {boolean} still
 * @property {Model} model
 * @property {HTMLElement} root
 * @property {(n: number, least: number, gap?: number) => number} columns the width of one of n panels
 *   that stand side by side where each gets `least` pixels, else stacked
 * @property {(...nodes: Node[]) => void} stage
 * @property {(...nodes: Node[]) => void} controls
 * @property {(text: string) => void} readout the sentence that says what the picture shows
 * @property {(yes: boolean) => void} withhold the sentence until a guess is made or something is moved
 * @property {(text: string | null) => void} problem
 * @property {() => void} remove
 * @property {() => void} [rebuild]
 * @property {() => void} [update]
 */
/**
 * @template F
 * @typedef {F extends (ui: any, options: infer O) => infer R ? (options: O) => R : never} WithoutUi
 */
/** @typedef {{ [K in keyof typeof controls]: WithoutUi<(typeof controls)[K]> }} Controls */
/** @typedef {Bound & Figure & Controls} Ui */
/**
 * @typedef {object} Definition
 * @property {string} name the Python class
 * @property {string} title names the figure for a screen reader
 * @property {string[]} [linked] traits that a link carries
 * @property {boolean} [readoutFirst] whether the sentence stands right below the picture, before the
 *   controls
 * @property {(ui: Ui) => (() => void)} build makes the drawing and the controls, and returns the
 *   function that redraws them
 */

/** The width of the still picture and of a widget that has not been measured yet. */
const DEFAULT_WIDTH = 900;

/** The models whose reader has guessed or moved something: a figure that is built anew asks again, but
 * holds nothing back. */
const begun = new WeakSet();
/** Stands in place of the sentence while it would give an answer away. */
const GUESS_FIRST = "Guess first: what the picture shows is said here afterwards.";

const same = (/** @type {any} */ a, /** @type {any} */ b) =>
  JSON.stringify(a) === JSON.stringify(b);

/** @type {(model: Model) => Record<string, Form>} */
const formsOf = (model) => model.get("_forms") ?? {};

/** @param {unknown} error */
const words = (error) => (error instanceof Error ? error.message : String(error));

let count = 0;

/**
 * The parts of `text` before and after the first `mark`.
 * @param {string} text
 * @param {string} mark
 */
function cut(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * "#<id>?a=1&b=[2,3]" <-> an object; what is not JSON, not a linked trait or not of the form that the
 * trait has in `forms` is left out.
 * @param {string} hash
 * @param {string} id
 * @param {string[]} linked
 * @param {Record<string, Form>} forms
 */
export function stateFromHash(hash, id, linked, forms = {}) {
  /** @type {Record<string, unknown>} */
  const state = {};
  try {
    // Some programs encode a whole link once more when they pass it on.
    const link = hash.includes("?") ? hash.slice(1) : decodeURIComponent(hash.slice(1));
    const [target, query] = cut(link, "?");
    if (target !== id) return state;
    for (const pair of query.split("&")) {
      const [name, text] = cut(pair, "=");
      if (!linked.includes(name)) continue;
      const value = JSON.parse(decodeURIComponent(text));
      if (!forms[name] || fits(value, forms[name])) state[name] = value;
    }
  } catch {
    // A mangled link shows the page's own setting.
    return {};
  }
  return state;
}

/**
 * @param {string} id
 * @param {Record<string, unknown>} state
 */
export function hashFromState(id, state) {
  const pairs = Object.entries(state).map(
    ([name, value]) => `${name}=${encodeURIComponent(JSON.stringify(value))}`,
  );
  return `#${id}?${pairs.join("&")}`;
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {Definition} definition
 * @param {number} width
 */
function makeUi(model, root, definition, width) {
  /** @type {(() => void)[]} */
  const redraws = [];
  /** @type {(() => void)[]} */
  const removals = [];
  let busy = false;
  let withheld = false;
  const stage = h("div", { class: "iml-stage" });
  const panel = h("div", { class: "iml-controls" });
  const readout = h("p", { class: "iml-readout", "data-readout": "", role: "status" });
  const problem = h("p", { class: "iml-problem", role: "alert", hidden: true });
  const below = definition.readoutFirst ? [readout, panel] : [panel, readout];
  root.replaceChildren(problem, stage, ...below);

  /** @type {Bound & Figure} */
  const own = {
    width,
    narrow: width < 520,
    still: Boolean(model.still),
    model,
    root,
    forms: formsOf(model),
    get: (name) => model.get(name),
    set(changes) {
      withheld = false;
      begun.add(model);
      busy = true;
      try {
        for (const [name, value] of Object.entries(changes)) {
          if (!same(model.get(name), value)) model.set(name, value);
        }
      } finally {
        busy = false;
      }
      model.save_changes();
      own.redraw();
    },
    id: (name) => `${root.id}-${name}`.replaceAll("_", "-"),
    onRedraw: (callback) => redraws.push(callback),
    onRemove: (callback) => removals.push(callback),
    columns(n, least, gap = 20) {
      const each = Math.floor((width - gap * (n - 1)) / n);
      return each >= least ? each : width;
    },
    stage: (...nodes) => stage.append(...nodes),
    controls: (...nodes) => panel.append(...nodes),
    readout(text) {
      const said = withheld && !own.still ? GUESS_FIRST : text;
      if (readout.textContent !== said) readout.textContent = said;
    },
    withhold(yes) {
      const before = withheld;
      if (!yes) begun.add(model);
      withheld = yes && !begun.has(model) && !model.linked;
      if (before && !withheld) own.redraw();
    },
    problem(text) {
      problem.textContent = text ?? "";
      problem.hidden = !text;
      root.classList.toggle("iml-has-problem", Boolean(text));
    },
    redraw() {
      if (busy) return;
      if (own.rebuild) {
        own.rebuild();
        return;
      }
      try {
        checkForms(own.forms, own.get);
        own.update?.();
        for (const callback of redraws) callback();
        own.problem(null);
      } catch (error) {
        own.problem(`${definition.title} cannot be drawn: ${words(error)}`);
        readout.textContent = "";
      }
    },
    remove() {
      for (const callback of removals) callback();
    },
  };
  const ui = /** @type {Ui} */ (own);
  for (const [name, make] of Object.entries(controls)) {
    const control = /** @type {(ui: Ui, options: any) => HTMLElement} */ (make);
    Object.assign(ui, { [name]: (/** @type {object} */ options) => control(ui, options) });
  }
  return ui;
}

/**
 * A widget from what is its own: `render` draws it into an element, `stateFromHash` reads a link.
 * @param {Definition} definition
 */
export function defineWidget(definition) {
  const linked = definition.linked ?? [];

  /** @param {{ model: Model, el: HTMLElement }} place */
  function render({ model, el }) {
    count += 1;
    const root = h("figure", {
      class: "iml",
      id: model.anchor ?? `${definition.name}-${count}`.toLowerCase(),
      "data-widget": definition.name,
      role: "group",
      "aria-label": definition.title,
    });
    el.replaceChildren(root);
    const first = Object.fromEntries(linked.map((name) => [name, model.get(name)]));
    /** @type {Ui} */
    let ui;

    function build(/** @type {number} */ width) {
      ui?.remove();
      ui = makeUi(model, root, definition, width);
      try {
        checkForms(ui.forms, ui.get);
        ui.update = definition.build(ui);
      } catch (error) {
        ui.problem(`${definition.title} cannot be drawn: ${words(error)}`);
        // What could not be built from these values may be built from the next ones.
        ui.rebuild = () => build(width);
      }
      if (linked.length > 0) root.append(footer());
      if (!ui.rebuild) ui.redraw();
      root.dataset.ready = "true";
    }

    function footer() {
      const reset = controls.button(ui, {
        label: "Reset",
        quiet: true,
        onpress: () => ui.set(first),
        disabled: () => linked.every((name) => same(model.get(name), first[name])),
      });
      const copy = controls.button(ui, {
        label: "Link to this setting",
        quiet: true,
        onpress: () => {
          const state = Object.fromEntries(linked.map((name) => [name, model.get(name)]));
          const hash = hashFromState(root.id, state);
          try {
            history.replaceState(null, "", hash);
          } catch {
            location.hash = hash;
          }
          navigator.clipboard?.writeText(location.href).catch(() => {});
          copy.textContent = "The address now holds this setting";
          setTimeout(() => {
            copy.textContent = "Link to this setting";
          }, 2500);
        },
      });
      // In a notebook there is no address to link to.
      return h("div", { class: "iml-footer" }, reset, model.anchor ? copy : null);
    }

    const measure = () => Math.min(1080, Math.floor(root.clientWidth || 0)) || DEFAULT_WIDTH;
    build(measure());
    const onChange = () => ui.redraw();
    model.on("change", onChange);
    // Notebooks bind arrow keys and single letters; inside a widget they belong to the widget.
    root.addEventListener("keydown", (event) => event.stopPropagation());
    /** @type {ResizeObserver | null} */
    let observer = null;
    if (typeof ResizeObserver !== "undefined") {
      let last = measure();
      observer = new ResizeObserver(() => {
        const width = measure();
        if (Math.abs(width - last) > 1) {
          last = width;
          build(width);
        }
      });
      observer.observe(root);
    }
    return () => {
      observer?.disconnect();
      model.off("change", onChange);
      ui.remove();
    };
  }
  return {
    render,
    name: definition.name,
    /** @type {(hash: string, anchor: string, forms: Record<string, Form>) => Record<string, unknown>} */
    stateFromHash: (hash, anchor, forms) => stateFromHash(hash, anchor, linked, forms),
  };
}
