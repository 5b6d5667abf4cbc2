/* The invitation out of the address, and whom it is for. */
(() => {
  if (!location.pathname.endsWith("/invite")) return;
  const secret = location.hash.slice(1);
  // Out of the address and the history: the next one at this machine shall not find it there.
  if (secret) history.replaceState(null, "", location.pathname);

  const whom = async (field) => {
    const form = field.form;
    const asked = await fetch(form.dataset.whom, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const told = await asked.json();
    const problem = document.getElementById("problem");
    problem.hidden = !told.problem;
    problem.textContent = told.problem ?? "";
    document.getElementById("whom").hidden = !told.login;
    document.getElementById("username").value = told.login ?? "";
    const email = document.querySelector("#or-email .email");
    email.textContent = told.email ?? "";
    email.parentElement.hidden = !told.email || told.email === told.login;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const field = document.getElementById("invitation");
    const ask = () => whom(field).catch(() => {}); // without an answer, the form does all the same
    field.addEventListener("change", ask);
    if (!secret) return;
    field.value = secret;
    document.getElementById("invitation-field").hidden = true;
    document.getElementById("password").focus();
    ask();
  });
})();
