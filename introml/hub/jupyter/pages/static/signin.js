/* The theme that was chosen in the book, and the invitation out of the address. */
(() => {
  try {
    const theme = localStorage.getItem("introml-theme");
    if (theme) document.documentElement.dataset.theme = theme;
  } catch {
    // A browser that stores nothing has no theme chosen.
  }
  const secret = location.hash.slice(1);
  if (!location.pathname.endsWith("/invite") || !secret) return;
  // Out of the address and the history: the next one at this machine shall not find it there.
  history.replaceState(null, "", location.pathname);
  document.addEventListener("DOMContentLoaded", () => {
    const field = document.getElementById("invitation");
    field.value = secret;
    document.getElementById("invitation-field").hidden = true;
    document.getElementById("password").focus();
  });
})();
