// What every page of the service does in the browser: light and dark, live progress of a grading.
(() => {
  const root = document.documentElement;
  const darkNow = () =>
    root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  document.getElementById("theme-switch").addEventListener("click", () => {
    root.dataset.theme = darkNow() ? "light" : "dark";
    try {
      localStorage.setItem("introml-theme", root.dataset.theme);
    } catch {
      // A browser that stores nothing still switches this page.
    }
    document.querySelectorAll(".feedback").forEach(fit);
  });

  // --- live progress -----------------------------------------------------------------------------
  // The service tells in sentences how far a grading is. At its end the parts of the page that
  // depend on it are taken anew, and nothing else of the page is touched.
  let source = null;
  const stop = () => {
    source?.close();
    source = null;
  };
  const follow = () => {
    const place = document.querySelector("[data-live]");
    if (!place || source || document.hidden) return;
    const say = (event) => {
      place.querySelector("[data-said]").textContent = event.data;
    };
    source = new EventSource(place.dataset.live);
    source.addEventListener("said", say);
    source.addEventListener("done", async (event) => {
      stop();
      place.removeAttribute("data-live");
      say(event);
      await renew();
    });
  };
  const renew = async () => {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!answer.ok) {
      location.reload();
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-fresh]")) {
      const other = fresh.getElementById(part.id);
      if (other) part.replaceWith(document.adoptNode(other));
    }
    fitFeedback();
  };

  // --- feedback ----------------------------------------------------------------------------------
  // The frame is as high as what is in it: one page to read, and whole in print. It follows the
  // system's light or dark by itself; the reader's own choice is handed in as colours.
  const colors =
    "paper raised sunken ink muted rule control accent accent-soft on-accent good bad".split(" ");
  const fit = (frame) => {
    const inside = frame.contentDocument?.documentElement;
    if (!inside) return;
    const here = getComputedStyle(root);
    inside.style.colorScheme = here.colorScheme;
    for (const name of colors) {
      inside.style.setProperty(`--iml-${name}`, here.getPropertyValue(`--iml-${name}`));
    }
    frame.style.height = `${inside.scrollHeight + 2}px`;
  };
  const fitFeedback = () => {
    for (const frame of document.querySelectorAll(".feedback")) {
      frame.addEventListener("load", () => fit(frame));
      fit(frame);
    }
  };
  addEventListener("resize", () => document.querySelectorAll(".feedback").forEach(fit));

  addEventListener("beforeprint", () => {
    for (const frame of document.querySelectorAll(".feedback")) {
      frame.contentDocument?.documentElement.removeAttribute("style");
    }
  });
  addEventListener("afterprint", () => document.querySelectorAll(".feedback").forEach(fit));

  // A page that nobody looks at holds no connection: browsers have few for one address.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", follow);
  fitFeedback();
  follow();
})();
