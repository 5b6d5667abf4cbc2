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
  });
})();
