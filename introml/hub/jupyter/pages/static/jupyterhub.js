/* JupyterHub's own pages name two kinds of things in pictures alone: they get words here. */
addEventListener("DOMContentLoaded", () => {
  const named = () => {
    document.getElementById("progress-bar")?.setAttribute("aria-label", "How far the start is");
    for (const button of document.querySelectorAll("[data-testid$='-collapse-button']")) {
      const person = button.dataset.testid.replace(/-collapse-button$/, "");
      button.setAttribute("aria-label", `Details of ${person}`);
    }
  };
  named();
  const changing = document.getElementById("react-admin-hook");
  if (changing) new MutationObserver(named).observe(changing, { childList: true, subtree: true });
});
