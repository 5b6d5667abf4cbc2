/* What every page does in the browser: menu, search, copy buttons, figures drawn when near. */
(() => {
  const root = document.documentElement;
  const base = root.dataset.root;

  // --- contents on a narrow screen --------------------------------------------------------------
  const contents = document.getElementById("contents");
  const menu = document.querySelector(".menu-button");
  menu.setAttribute("role", "button");
  menu.setAttribute("aria-expanded", "false");
  const openMenu = (open) => {
    contents.classList.toggle("open", open);
    menu.setAttribute("aria-expanded", String(open));
    if (open) contents.querySelector("a").focus();
  };
  menu.addEventListener("click", (event) => {
    event.preventDefault();
    openMenu(!contents.classList.contains("open"));
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    openMenu(!contents.classList.contains("open"));
  });
  contents.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      openMenu(false);
      menu.focus();
    }
  });
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a")) openMenu(false);
  });
  contents.querySelector("a.current")?.scrollIntoView?.({ block: "nearest" });

  // --- an address inside what is folded opens it, in browsers that do not do so by themselves -----
  const unfold = () => {
    const target = document.querySelector(":target");
    const folded = target?.closest("details:not([open])");
    if (!folded) return;
    folded.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  addEventListener("load", unfold);

  // --- inside a course's hub, which serves the book: pages and labs open there as notebooks -------
  const hub = location.pathname.match(/^(.*\/)services\/course\/book\//)?.[1];
  const onHub = (path, words) => {
    const link = document.createElement("a");
    link.href = `${hub}hub/user-redirect/lab/tree/${path}`;
    link.textContent = words;
    return link;
  };
  for (const download of hub ? document.querySelectorAll('a[download][href*="notebooks/"]') : []) {
    const path = download.getAttribute("href").replace(/^.*?notebooks\//, "");
    if (download.parentElement.matches(".page-tools")) {
      download.parentElement.querySelector('a[href*="/hub/user-redirect/"]')?.remove();
      download.after(onHub(`book/${path}`, "Open on the hub"));
    } else if (path.startsWith("labs/") && !path.endsWith("-solution.ipynb")) {
      download.after(" (", onHub(path, "open it on the hub"), ")");
    }
  }

  // --- scripts that are fetched when they are first needed ---------------------------------------
  const scripts = new Map();
  function script(path) {
    if (!scripts.has(path)) {
      scripts.set(
        path,
        new Promise((resolve, reject) => {
          const node = document.createElement("script");
          node.src = `${base}_static/${path}`;
          node.onload = resolve;
          node.onerror = () => reject(new Error(`${path} could not be read`));
          document.head.append(node);
        }),
      );
    }
    return scripts.get(path);
  }

  // --- search ---------------------------------------------------------------------------------
  const dialog = document.getElementById("search");
  const words = document.getElementById("search-words");
  const results = document.getElementById("search-results");
  const status = document.getElementById("search-status");
  let engine = null;
  let chosen = -1;

  async function openSearch() {
    dialog.showModal();
    words.select();
    if (engine) return;
    status.textContent = "Reading the index …";
    try {
      await Promise.all([script("minisearch.js"), script("search-index.js")]);
    } catch (error) {
      status.textContent = `Search is not available: ${error.message}.`;
      return;
    }
    const { sections } = globalThis.intromlSearch;
    engine = new globalThis.MiniSearch({
      fields: ["title", "page", "text"],
      storeFields: ["title", "page", "url", "text"],
      searchOptions: {
        boost: { title: 4, page: 2 },
        prefix: true,
        fuzzy: 0.15,
        combineWith: "AND",
      },
    });
    engine.addAll(sections.map((section, id) => ({ id, ...section })));
    find();
  }

  /** A stretch of text around the first word found, with the found words marked. */
  function excerpt(text, terms) {
    const lower = text.toLowerCase();
    const places = terms.map((term) => lower.indexOf(term)).filter((at) => at >= 0);
    const first = places.length ? Math.min(...places) : 0;
    const start = Math.max(0, lower.lastIndexOf(" ", Math.max(0, first - 60)));
    const line = document.createElement("p");
    const cut = `${start > 0 ? "… " : ""}${text.slice(start, start + 190).trim()} …`;
    const pattern = terms.map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
    for (const [index, part] of cut
      .split(pattern ? new RegExp(`(${pattern})`, "i") : /$^/)
      .entries()) {
      const node = document.createElement(index % 2 ? "mark" : "span");
      node.textContent = part;
      line.append(node);
    }
    return line;
  }

  function choose(index) {
    const items = [...results.children];
    chosen = items.length ? (index + items.length) % items.length : -1;
    for (const [at, item] of items.entries()) {
      item.setAttribute("aria-selected", String(at === chosen));
      if (at === chosen) item.scrollIntoView({ block: "nearest" });
    }
    if (chosen >= 0) words.setAttribute("aria-activedescendant", items[chosen].id);
    else words.removeAttribute("aria-activedescendant");
  }

  function find() {
    const query = words.value.trim();
    const hits = query && engine ? engine.search(query).slice(0, 12) : [];
    results.replaceChildren(
      ...hits.map((hit, index) => {
        const item = document.createElement("li");
        item.id = `search-result-${index}`;
        item.setAttribute("role", "option");
        const link = document.createElement("a");
        link.href = base + hit.url;
        link.tabIndex = -1;
        link.textContent = hit.title === hit.page ? hit.page : `${hit.page} › ${hit.title}`;
        link.addEventListener("click", () => dialog.close());
        item.append(link, excerpt(hit.text, hit.terms));
        return item;
      }),
    );
    words.setAttribute("aria-expanded", String(hits.length > 0));
    if (!query) status.textContent = "Type a word or two. Arrow keys choose, Enter opens.";
    else
      status.textContent = hits.length ? `${hits.length} found` : `Nothing found for “${query}”.`;
    choose(hits.length ? 0 : -1);
  }

  document.getElementById("search-open").addEventListener("click", openSearch);
  words.addEventListener("input", find);
  words.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Escape") {
      // A search field would only empty itself.
      event.preventDefault();
      dialog.close();
    } else if (event.key === "Enter") {
      event.preventDefault();
      results.children[chosen]?.querySelector("a").click();
    }
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable], .iml");
    if ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      if (!dialog.open) openSearch();
    }
  });

  // --- copying code -----------------------------------------------------------------------------
  for (const block of document.querySelectorAll(
    ".cell_input .highlight, article > section .highlight",
  )) {
    if (block.querySelector(".copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch {
        // Where the clipboard is closed (file://), select the code so that Ctrl+C takes it.
        getSelection().selectAllChildren(block.querySelector("pre"));
        button.textContent = "Selected";
      }
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1500);
    });
    block.append(button);
  }

  // --- what scrolls by itself can be reached by keyboard -------------------------------------------
  const NAMES = { PRE: "Code", DIV: "Formula or table" };
  const BOXES =
    "main pre, .formula-scroll, .table-scroll, .output.text_html, " +
    ".cell.tag_scroll-output > .cell_output, .cell.tag_output_scroll > .cell_output";
  function reachable() {
    for (const box of document.querySelectorAll(BOXES)) {
      const scrolls =
        box.scrollWidth > box.clientWidth + 1 ||
        (box.matches(".cell_output") && box.scrollHeight > box.clientHeight + 1);
      if (scrolls) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
      for (const [name, value] of [
        ["role", "group"],
        [
          "aria-label",
          box.matches(".cell_output")
            ? "Output, scrolls"
            : `${NAMES[box.tagName]}, scrolls sideways`,
        ],
      ]) {
        if (scrolls) box.setAttribute(name, value);
        else box.removeAttribute(name);
      }
    }
  }
  reachable();
  addEventListener("resize", reachable);
  document.fonts?.ready.then(reachable);
  addEventListener("toggle", reachable, true);

  // A link to a solution opens it.
  const openTarget = () => {
    let target = null;
    try {
      target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return;
    }
    const folded = target?.closest("details");
    if (folded) folded.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  // --- plotly, once a figure is near ------------------------------------------------------------
  const figures = [...document.querySelectorAll(".plotly-figure")];
  if (figures.length > 0) {
    const light = JSON.parse(root.dataset.light ?? "{}"); // colour -> token
    const onPaper = Object.fromEntries(Object.entries(light).map(([hex, name]) => [name, hex]));
    let printing = false;
    const token = (name) =>
      (printing && onPaper[name]) ||
      getComputedStyle(root).getPropertyValue(`--iml-${name}`).trim();
    // Figures and their template are in the light tokens' colours; here they become the reader's
    // scheme's.
    const recolor = (json) =>
      json.replace(/#[0-9a-f]{6}\b/gi, (hex) => {
        const name = light[hex.toLowerCase()];
        return name ? token(name) : hex;
      });
    const config = {
      responsive: true,
      displayModeBar: false, // on a phone it would cover the legend
      showSendToCloud: false,
      plotlyServerURL: "",
    };
    async function draw(holder) {
      await script("plotly.js");
      const json = holder.querySelector("script").textContent;
      const { data, layout, frames } = JSON.parse(recolor(json));
      let plot = holder.querySelector(".plot");
      if (!plot) {
        plot = document.createElement("div");
        plot.className = "plot";
        holder.append(plot);
      }
      const themed = { ...layout, template: JSON.parse(recolor(root.dataset.template)) };
      await globalThis.Plotly.react(plot, data, themed, config);
      if (frames) await globalThis.Plotly.addFrames(plot, frames);
      holder.dataset.ready = "true";
    }
    const failed = (holder) => (error) => {
      holder.querySelector(".plotly-alt").textContent +=
        ` (The chart could not be drawn: ${error.message}.)`;
    };
    const near = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          near.unobserve(target);
          draw(target).catch(failed(target));
        }
      },
      { rootMargin: "300px" },
    );
    for (const holder of figures) near.observe(holder);
    const redraw = () => {
      for (const holder of figures) if (holder.dataset.ready) draw(holder).catch(failed(holder));
    };
    addEventListener("introml-theme", redraw);
    // Paper is white, whatever the screen's scheme.
    for (const event of ["beforeprint", "afterprint"]) {
      addEventListener(event, () => {
        printing = event === "beforeprint";
        redraw();
      });
    }
  }

  // --- what the next page will want -------------------------------------------------------------
  // Once it is idle, a page fetches what the book's pages share and it had no need of itself, so that
  // no second page is slow: formulas' style and fonts, the labels' Greek, italics, the widgets' kit.
  const SHARED_FONTS = [
    ...["Main", "Size1", "Size2", "Size3", "Size4"].map((name) => `1em KaTeX_${name}`),
    "bold 1em KaTeX_Main",
    "italic 1em KaTeX_Math",
    'italic 1em "Source Serif 4"',
  ];
  const fetchFonts = () => {
    const all = SHARED_FONTS.map((font) => document.fonts.load(font));
    Promise.allSettled([...all, document.fonts.load('1em "Source Sans 3"', "αη")]);
  };
  const fetchAhead = () => {
    for (const path of root.dataset.ahead?.split(" ") ?? []) {
      fetch(path, { priority: "low" }).catch(() => {});
    }
    if (!root.dataset.formulas) return fetchFonts();
    const style = document.createElement("link");
    Object.assign(style, { rel: "stylesheet", href: root.dataset.formulas, onload: fetchFonts });
    document.head.append(style);
  };
  if (location.protocol !== "file:" && !navigator.connection?.saveData) {
    const whenIdle = globalThis.requestIdleCallback ?? setTimeout;
    addEventListener("load", () => whenIdle(fetchAhead));
  }
})();
