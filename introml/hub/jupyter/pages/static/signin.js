/* The invitation out of the address. */
(() => {
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
