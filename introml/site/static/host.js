/* Runs the page's widgets without a kernel: gives each the model that anywidget would give it, and
   calls render({ model, el }). Classic scripts only, so that it works from file:// too. */
(() => {
  const definitions = new Map();
  const waiting = new Map(); // widget name -> functions to call once its code is there
  const files = new Map(); // key -> { promise, resolve }

  function file(key) {
    if (!files.has(key)) {
      let resolve;
      let reject;
      const promise = new Promise((done, failed) => {
        [resolve, reject] = [done, failed];
      });
      files.set(key, { promise, resolve, reject });
    }
    return files.get(key);
  }

  globalThis.introml = {
    register(name, definition) {
      definitions.set(name, definition);
      for (const start of waiting.get(name) ?? []) start();
      waiting.delete(name);
    },
    // The page names its data files beside this one; each provides its value, or is missing.
    provide: (key, value) => file(key).resolve(value),
    missing: (key) =>
      file(key).reject(new Error(`the file _static/data/${key}.js could not be read`)),
  };

  class Model {
    constructor(state, anchor) {
      this.state = state;
      this.anchor = anchor;
      this.listeners = new Map();
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      for (const event of [`change:${name}`, "change"]) {
        for (const listener of [...(this.listeners.get(event) ?? [])]) listener(this, value);
      }
    }
    save_changes() {}
    send() {}
    on(events, listener) {
      for (const event of events.split(/\s+/)) {
        if (!this.listeners.has(event)) this.listeners.set(event, new Set());
        this.listeners.get(event).add(listener);
      }
    }
    off(events, listener) {
      for (const event of events.split(/\s+/)) this.listeners.get(event)?.delete(listener);
    }
  }

  const sameKind = (a, b) => typeof a === typeof b && Array.isArray(a) === Array.isArray(b);

  async function mount(host, { name, state, files: filed, forms }) {
    const anchor = host.dataset.anchor;
    try {
      const all = { ...state, _forms: forms };
      for (const [trait, key] of Object.entries(filed)) all[trait] = await file(key).promise;
      const definition = definitions.get(name);
      const linked = definition.stateFromHash(location.hash, anchor, forms);
      for (const [trait, value] of Object.entries(linked)) {
        if (sameKind(value, all[trait])) all[trait] = value;
      }
      const model = new Model(all, anchor);
      model.linked = Object.keys(linked).length > 0;
      definition.render({ model, el: host });
      if (model.linked) onceRead(() => host.scrollIntoView({ block: "start" }));
      performance.mark(`widget-ready:${anchor}`);
    } catch (error) {
      console.error(error);
      const note = document.createElement("p");
      note.className = "needs-kernel";
      note.setAttribute("role", "alert");
      note.textContent = `This figure could not start: ${error.message}. Reload the page to try again.`;
      host.prepend(note);
    }
  }

  /* Calls back once the whole page has been read. */
  function onceRead(act) {
    if (document.readyState === "loading")
      addEventListener("DOMContentLoaded", act, { once: true });
    else act();
  }

  const holder = document.getElementById("widget-states");
  const states = holder ? JSON.parse(holder.textContent) : {};
  const begun = new Set();

  function start() {
    for (const host of document.querySelectorAll(".widget-host[data-anchor]")) {
      if (begun.has(host)) continue;
      begun.add(host);
      const entry = states[host.dataset.anchor];
      const begin = () => mount(host, entry);
      if (definitions.has(entry.name)) begin();
      else waiting.set(entry.name, [...(waiting.get(entry.name) ?? []), begin]);
    }
  }

  // This script stands right behind the page's first widget, which need not wait for the rest.
  start();
  onceRead(start);
})();
