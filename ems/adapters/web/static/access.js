// The page of people and tags: what is pressed is told to the interface, and what changed is taken over.
import { groupForm, personForm, tagForm } from "./access-forms.js";
import { sayTicked } from "./described.js";
import { keepFresh, refresh, sent } from "./station-ask.js";
import { handIn, readTable, showRows, UNREADABLE } from "./table-file.js";
import { say, tell } from "./tell.js";

const FRESH_MS = 5_000;
const MOST = 50; // tags that are shown at once: nobody pages through more with a keyboard
const list = document.getElementById("list");
const finder = document.getElementById("find");
const further = document.getElementById("further");
let most = MOST;
// Who may only look has no forms.
const forms = Object.fromEntries(Object.entries({ tag: tagForm, group: groupForm, person: personForm })
  .map(([name, made]) => [name, document.getElementById(name), made]).filter(([, form]) => form).map(([name, form, made]) => [name, made(form, renew)]));

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
  const form = event.target;
  if (form === finder && isFound()) return; // the controller looks among all of them
  event.preventDefault();
  const name = form.getAttribute("id"); // a field called id would stand in for it
  if (form.dataset.adopt) {
    const answer = await tell("POST", `${path("/api/v1/cards/", form.dataset.adopt)}/adopt`, filled(form, ["person"]));
    await done(answer, `${form.dataset.adopt} may charge from now on.`);
  } else if (forms[name]) {
    await forms[name].keep();
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
  if (button.dataset.edit) {
    await forms[button.dataset.edit].edit(button.dataset.id);
  } else if (button.dataset.new) {
    forms[button.dataset.new].add();
  } else if (button.dataset.further !== undefined) {
    showFurther();
  } else if (button.dataset.block) {
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

// The first of those that have the words; how many there are is said.
function find() {
  const words = finder.elements.words.value.trim().toLowerCase();
  const all = [...document.querySelectorAll("#tags > [data-words]")];
  const fitting = all.filter((one) => one.dataset.words.includes(words));
  for (const one of all) one.hidden = true;
  for (const one of fitting.slice(0, most)) one.hidden = false;
  document.getElementById("found").textContent = words ? `${fitting.length} of ${all.length}` : "";
  further.hidden = fitting.length <= most;
  further.firstElementChild.textContent = `Show ${fitting.length - most} more`;
}

// The keyboard goes on at the first that is new.
function showFurther() {
  const before = new Set(document.querySelectorAll("#tags > [data-words]:not([hidden])"));
  most = Infinity;
  find();
  const next = [...document.querySelectorAll("#tags > [data-words]:not([hidden])")].find((one) => !before.has(one));
  (next?.querySelector("button") ?? document.getElementById("tags")).focus();
}

// There are more tags than this page has, or it has only some that were asked for.
const isFound = () => document.querySelector("#more").childElementCount > 0;

finder.addEventListener("input", () => {
  most = MOST;
  find();
});
document.getElementById("tags").addEventListener("renewed", find);
document.getElementById("tag-groups")?.addEventListener("renewed", () => sayTicked(document.getElementById("tag")));
document.addEventListener("renewed", (event) => {
  if (event.target.id === "unknown" || event.target.id === "endings") event.target.hidden = event.target.querySelector("li") === null;
});
find();
keepFresh(FRESH_MS);
