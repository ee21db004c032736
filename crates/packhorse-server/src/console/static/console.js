// What saves reloads. Every page works without it.
"use strict";

// Pieces of a page that change by themselves: an element with data-live is asked for anew every two
// seconds; the answer says which elements to fill, and whether to go on.
const PAUSE = 2000;

function replace(target, piece) {
  if (!target) return;
  const { key } = piece.dataset;
  const last = target.seen ?? (key ? target.dataset.key : target.innerHTML);
  target.seen = key ?? piece.innerHTML;
  if (last !== target.seen) target.replaceChildren(...piece.childNodes);
}

async function look(element) {
  if (document.hidden) return true;
  const answer = await fetch(element.dataset.live, { credentials: "same-origin" });
  if (answer.status === 401 || answer.status === 404) {
    location.reload();
    return false;
  }
  if (!answer.ok) return true;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  let more = false;
  for (const piece of page.querySelectorAll("[data-into]")) {
    more = more || "more" in piece.dataset;
    replace(document.getElementById(piece.dataset.into), piece);
  }
  return more;
}

async function follow(element) {
  let more = true;
  while (more) {
    await new Promise((done) => setTimeout(done, PAUSE));
    more = await look(element).catch(() => true);
  }
}

// The two sides of a manifest: what is typed on one is sent, and the other is filled in.
function edit(form) {
  let waiting;
  let round = 0;
  const field = (name) => form.elements.namedItem(name);

  const send = async () => {
    const mine = ++round;
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.sync, { method: "POST", body, credentials: "same-origin" });
    // Typed on in the meantime: the next answer counts.
    if (!answer.ok || mine !== round) return;
    const said = await answer.json();
    if (!said.is_torn) {
      fill(said);
      field("form_was").value = said.form_was;
      field("source_was").value = said.source_was;
    }
    document.getElementById("findings").innerHTML = said.findings;
    mark(said.wrong);
  };

  const fill = (said) => {
    const source = field("source");
    if (source.value !== said.source) source.value = said.source;
    for (const input of form.elements) {
      if (!input.name.startsWith("o.")) continue;
      const value = said.answers[input.name.slice(2)] || "";
      if (input.value === value || (input === document.activeElement && input.value.trim() === value.trim())) continue;
      if (input.tagName === "SELECT" && ![...input.options].some((option) => option.value === value)) {
        input.add(new Option(value, value));
      }
      input.value = value;
    }
  };

  const mark = (wrong) => {
    const paths = new Set(wrong.map((path) => "o." + path.replace(/\[\d+\]$/, "")));
    for (const input of form.elements) {
      if (!input.name.startsWith("o.")) continue;
      const isWrong = paths.has(input.name) && input.value !== "";
      if (isWrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      input.closest(".field")?.classList.toggle("wrong", isWrong);
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(waiting);
    round += 1;
    waiting = setTimeout(() => send().catch(() => {}), 350);
  });
  form.addEventListener("submit", () => clearTimeout(waiting));
}

// The line that a problem is in.
function jump(place) {
  const source = document.getElementById("source");
  const lines = source.value.split("\n");
  const line = Number(place.dataset.line);
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  source.focus();
  source.setSelectionRange(start, start + (lines[line - 1] || "").length);
}

// A link to a field inside of what is folded opens it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  target.focus();
}

document.querySelectorAll("[data-live]").forEach((element) => follow(element));
document.querySelectorAll("form[data-sync]").forEach((form) => edit(form));
document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-line]");
  if (place) jump(place);
});
addEventListener("hashchange", unfold);
unfold();
// A form is sent once; the page that comes next has another.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post") {
    event.target.dataset.sent = "1";
    setTimeout(() => delete event.target.dataset.sent, 5000);
  }
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
