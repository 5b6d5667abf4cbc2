/* The invitation out of the address, and whom it is for. */
(() => {
  if (!location.pathname.endsWith("/invite")) return;

  /* The secret out of the address and the history: the next one at this machine shall not find it there. */
  const taken = () => {
    const secret = location.hash.slice(1);
    if (secret) history.replaceState(null, "", location.pathname);
    return secret;
  };

  const ask = async () => {
    const field = document.getElementById("invitation");
    const asked = await fetch(field.form.dataset.whom, {
      method: "POST",
      body: new URLSearchParams(new FormData(field.form)),
    });
    const told = await asked.json();
    const problem = document.getElementById("problem");
    problem.hidden = !told.problem;
    problem.textContent = told.problem ?? "";
    if (told.problem) {
      document.getElementById("invitation-field").hidden = false; // for another link
      field.value = "";
      field.focus();
    }
    document.getElementById("whom").hidden = !told.login;
    document.getElementById("username").value = told.login ?? "";
    const email = document.querySelector("#or-email .email");
    email.textContent = told.email ?? "";
    email.parentElement.hidden = !told.email || told.email === told.login;
  };
  const asked = () => ask().catch(() => {}); // without an answer, the form does all the same

  const use = (secret) => {
    document.getElementById("invitation").value = secret;
    document.getElementById("invitation-field").hidden = true;
    document.getElementById("password").focus();
    asked();
  };

  const first = taken();
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("invitation").addEventListener("change", asked);
    // Another link opened in the same tab changes no more than what is behind the #.
    addEventListener("hashchange", () => {
      const secret = taken();
      if (secret) use(secret);
    });
    if (first) use(first);
  });
})();
