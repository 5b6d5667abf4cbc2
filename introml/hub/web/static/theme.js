// Before the page is drawn: scripts run, and light or dark is as the reader last chose in the book.
(() => {
  const root = document.documentElement;
  root.classList.remove("no-js");
  try {
    const theme = localStorage.getItem("introml-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // A browser that stores nothing follows the system.
  }
})();
