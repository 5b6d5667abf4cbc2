// What every page of the service does in the browser: live progress of a grading, its feedback, and
// the reader's own time beside the course's.
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
    tellOwnTimes();
  };

  // --- times -------------------------------------------------------------------------------------
  // Pages tell times by the course's clocks. Where the reader's show another time, it stands beside.
  const ownTime = (at, day) => {
    const two = (number) => String(number).padStart(2, "0");
    const own = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    const hour = `${two(at.getHours())}:${two(at.getMinutes())}`;
    return `${own === day ? hour : `${own} ${hour}`} your time`;
  };
  const tellOwnTimes = () => {
    for (const time of document.querySelectorAll("time[datetime]:not([data-told])")) {
      const [, day, sign, hours, minutes] =
        /^(\S{10})T.*([+-])(\d\d):(\d\d)$/.exec(time.dateTime) ?? [];
      const at = new Date(time.dateTime);
      if (!day || Number(`${sign}1`) * (60 * hours + +minutes) === -at.getTimezoneOffset())
        continue;
      const own = document.createElement("span");
      own.className = "yours";
      own.textContent = ` (${ownTime(at, day)})`;
      time.after(own);
      time.dataset.told = "";
    }
  };
  // The same for a field: which moment it means is found from what the course's clocks show then.
  const shownIn = (at, zone) => {
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
    }).formatToParts(at);
    const of = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
    return Date.parse(`${of.year}-${of.month}-${of.day}T${of.hour}:${of.minute}Z`);
  };
  const tellFieldsTime = (field) => {
    const shown = Date.parse(`${field.value}Z`);
    const place = field.parentElement.querySelector("output");
    place.textContent = "";
    if (Number.isNaN(shown)) return;
    let at = shown;
    for (let again = 0; again < 3; again++) at -= shownIn(at, field.dataset.zone) - shown;
    const own = new Date(at);
    if (shown - at === -own.getTimezoneOffset() * 60_000) return;
    place.textContent = ownTime(own, field.value.slice(0, 10));
  };
  for (const field of document.querySelectorAll("input[data-zone]")) {
    field.addEventListener("input", () => tellFieldsTime(field));
    tellFieldsTime(field);
  }

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
  tellOwnTimes();
  follow();
})();
