// What every page of the service does in the browser: live progress of a grading, its feedback.
(() => {
  const root = document.documentElement;

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
  // system's light or dark by itself, and is told of the reader's own choice.
  const fit = (frame) => {
    const inside = frame.contentDocument?.documentElement;
    if (!inside) return;
    if (root.dataset.theme) inside.dataset.theme = root.dataset.theme;
    frame.style.height = `${inside.scrollHeight + 2}px`;
  };
  const fitFeedback = () => {
    for (const frame of document.querySelectorAll(".feedback")) {
      frame.addEventListener("load", () => fit(frame));
      fit(frame);
    }
  };
  for (const event of ["resize", "introml-theme", "afterprint"]) {
    addEventListener(event, () => document.querySelectorAll(".feedback").forEach(fit));
  }

  // A page that nobody looks at holds no connection: browsers have few for one address.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", follow);
  fitFeedback();
  follow();
})();
