/* Light or dark, as the reader last chose; else as the system has it. In the head of every page of the
   book and of the course, before it is drawn. Who draws in colours listens to "introml-theme". */
(() => {
  const root = document.documentElement;
  root.classList.remove("no-js");
  try {
    const chosen = localStorage.getItem("introml-theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch {}
})();

/* The switch: the book takes this part with its other scripts, once the page has been read. */
(() => {
  const root = document.documentElement;
  const name = "introml-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => dispatchEvent(new Event(name));
  system.addEventListener("change", tell);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme-switch")) return;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem(name, root.dataset.theme);
    } catch {
      // It still switches this page.
    }
    tell();
  });
})();
