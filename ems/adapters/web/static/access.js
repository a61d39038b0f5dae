// The page of people and tags: what is pressed is told to the interface, and what changed is taken over.
import { keepFresh, refresh, sent } from "./station-ask.js";
import { handIn, readTable, showRows, UNREADABLE } from "./table-file.js";
import { say, tell } from "./tell.js";

const FRESH_MS = 5_000;
const list = document.getElementById("list");

// A note of what came of something, and the page as it is now.
async function done(answer, words) {
  say(answer, words);
  sent(answer.ok);
  await renew();
}

// Parts may appear and vanish, which the renewal of their content does not do.
async function renew() {
  await refresh();
  for (const id of ["unknown", "endings"]) {
    const part = document.getElementById(id);
    part.hidden = part.querySelector("li") === null;
  }
  find();
}

const path = (base, name) => base + encodeURIComponent(name);
const filled = (form, names) => Object.fromEntries(names.map((name) => [name, form.elements[name].value.trim()]).filter(([, value]) => value));

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const name = form.getAttribute("id"); // a field called id would stand in for it
  if (form.dataset.adopt) {
    const answer = await tell("POST", `${path("/api/v1/cards/", form.dataset.adopt)}/adopt`, filled(form, ["person"]));
    await done(answer, `${form.dataset.adopt} may charge from now on.`);
  } else if (name === "add-tag") {
    const { hours, budget_kwh, ...rest } = filled(form, ["name", "person", "hours", "budget_kwh"]);
    const body = { ...rest, hours: hours ? hours.split(";").map((one) => one.trim()) : [], ...(budget_kwh ? { budget_kwh: Number(budget_kwh) } : {}) };
    await added(form, await tell("PUT", path(form.dataset.put, form.elements.id.value.trim()), body, { headers: { "if-none-match": "*" } }));
  } else if (name === "add-person") {
    await added(form, await tell("PUT", path(form.dataset.put, form.elements.id.value.trim()), filled(form, ["name", "cost_centre"]), { headers: { "if-none-match": "*" } }));
  } else if (name === "reserve") {
    const hours = Number(form.elements.hours.value); // counted at the site, whose clock may not be the browser's
    await added(form, await tell("POST", "/api/v1/reservations", { ...filled(form, ["evse", "tag"]), hours }));
  } else if (name === "wait") {
    await added(form, await tell("POST", "/api/v1/waitlist", filled(form, ["tag", "name"])));
  } else if (name === "list") {
    await preview();
  }
});

async function added(form, answer) {
  if (answer.ok) form.reset();
  await done(answer, "It is noted.");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  if (!button) return;
  if (button.dataset.block) {
    const blocked = button.dataset.to === "true";
    const answer = await tell("POST", `${path("/api/v1/tags/", button.dataset.block)}/block`, { blocked });
    await done(answer, `${button.dataset.block} ${blocked ? "is blocked; what it charges ends" : "may charge again"}.`);
  } else if (button.dataset.forget) {
    const headers = button.dataset.etag ? { "if-match": button.dataset.etag } : {};
    await done(await tell("DELETE", button.dataset.forget, undefined, { headers }), "It is gone.");
  } else if (button.id === "take") {
    const csv = handIn(list);
    if (csv !== undefined) await done(await tell("POST", "/api/v1/tag-list/import?apply=true", { csv }), "The list was taken.");
  }
});

async function preview() {
  const csv = await readTable(list);
  const { ok, told } = csv === null ? UNREADABLE : await tell("POST", "/api/v1/tag-list/import", { csv });
  document.getElementById("take").hidden = !ok || told.refused;
  const rows = ok
    ? [...told.findings.map((one) => `row ${one.row}: ${one.message}; ${one.remedy}`), ...told.tags.map((one) => `${one.kind}: ${one.tag} ${one.name}`)]
    : [told.detail];
  const heading = ok && !told.refused ? `${told.tags.length} tags; nothing has changed yet.` : "It cannot be taken like this:";
  showRows(list, heading, "What the list says", rows, ok ? told.findings_total + told.tags.length : rows.length);
}

function find() {
  const words = document.querySelector("#find input").value.trim().toLowerCase();
  let shown = 0;
  const all = document.querySelectorAll("#tags > [data-words]");
  for (const one of all) {
    one.hidden = !one.dataset.words.includes(words);
    shown += one.hidden ? 0 : 1;
  }
  document.getElementById("found").textContent = words ? `${shown} of ${all.length}` : "";
}

document.getElementById("find").addEventListener("input", find);
document.getElementById("tags").addEventListener("renewed", find);
document.addEventListener("renewed", (event) => {
  if (event.target.id === "unknown" || event.target.id === "endings") event.target.hidden = event.target.querySelector("li") === null;
});
keepFresh(FRESH_MS);
