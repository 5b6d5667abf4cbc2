// The teacher's pages: copy all invitation links, select one that is clicked, open what is linked to.
(() => {
  const button = document.getElementById("copy-links");
  const fields = [...document.querySelectorAll("input.link")];
  for (const field of fields) {
    field.addEventListener("focus", () => field.select());
  }
  button?.addEventListener("click", async () => {
    const said = document.getElementById("copied");
    const lines = fields.map((field) => `${field.dataset.name}\t${field.value}`);
    try {
      await navigator.clipboard.writeText(lines.join("\n"));
      said.textContent = `Copied: ${lines.length}, one a line.`;
    } catch {
      said.textContent = "The browser does not allow it. Save them as a CSV file.";
    }
  });
  // "Dates" and "Regrade" lead to a heading with a folded form under it: open it.
  const open = () => {
    const heading = document.getElementById(location.hash.slice(1));
    // Something may stand between them, such as the list of earlier regrades.
    let next = heading?.nextElementSibling;
    while (next && next.tagName !== heading.tagName) {
      if (next instanceof HTMLDetailsElement) {
        next.open = true;
        return;
      }
      next = next.nextElementSibling;
    }
  };
  addEventListener("hashchange", open);
  // A second click on the same link changes no address, so it is listened to as well.
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    link.addEventListener("click", () => setTimeout(open));
  }
  open();
})();
