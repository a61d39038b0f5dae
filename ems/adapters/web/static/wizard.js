// The wizard: what is filled in goes into the draft, what is pressed is asked of the controller, and the page is renewed.
import { refresh, sent } from "./station-ask.js";
import { tell } from "./tell.js";
import { shown } from "./wizard-meter.js";

const API = "/api/v1/site";
const FRESH_MS = 3_000, TEST_MS = 40_000, BACK_MS = 60_000;
const said = document.getElementById("said");
const etag = () => document.querySelector("[data-etag]").dataset.etag;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// A note of what came of something, and the page as it is now.
async function done(answer, words) {
  sent(answer.ok);
  await refresh(); // first, so that whoever reads the note goes on from the draft that it is about
  say(answer.ok, answer.ok ? words : answer.told.detail);
}

function say(ok, words) {
  said.hidden = false;
  said.dataset.tone = ok ? "good" : "bad";
  said.textContent = words;
}

// The value of a field as the file has it; undefined where it was not touched, null where it was emptied.
function value(field, all) {
  if (field.dataset.kind === "choices") return chosen([...field.elements], all);
  if (field.dataset.kind === "pairs") return pairs(field, all);
  const text = field.value.trim();
  const before = field.tagName === "SELECT" ? [...field.options].find((one) => one.defaultSelected)?.value ?? "" : field.defaultValue;
  if (!all && text === before.trim()) return undefined;
  if (text === "") return all ? undefined : null;
  if (text === "true" || text === "false") return text === "true";
  if (field.dataset.kind === "number") return Number(text);
  return as[field.dataset.kind]?.(text) ?? text;
}

// What is ticked of several.
function chosen(boxes, all) {
  if (!all && boxes.every((box) => box.checked === box.defaultChecked)) return undefined;
  const some = boxes.filter((box) => box.checked).map((box) => box.value);
  return some.length ? some : all ? undefined : null;
}

// "ems-admins: admin", one on a line; a name that is gone is taken away.
function pairs(field, all) {
  const [now, before] = [field.value, field.defaultValue].map((text) => text.split("\n").map((line) => line.trim()).filter(Boolean));
  if (!all && now.join("\n") === before.join("\n")) return undefined;
  if (!now.length) return all ? undefined : null;
  const read = (lines) => Object.fromEntries(lines.map((line) => { const k = line.lastIndexOf(":"); return k < 0 ? [line, ""] : [line.slice(0, k).trim(), line.slice(k + 1).trim()]; }));
  const told = read(now);
  return all ? told : { ...Object.fromEntries(Object.keys(read(before)).map((name) => [name, null])), ...told };
}

const as = {
  numbers: (text) => text.split(/[\s,;]+/).filter(Boolean).map((one) => (Number.isNaN(Number(one)) ? one : Number(one))),
  day: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  amps: (text) => amps(text),
  words: (text) => text.split(/[\s,]+/).filter(Boolean),
  whens: (text) => { const each = text.split(";").map((one) => one.trim()).filter(Boolean); return each.length > 1 ? each : text; },
};

// "63", "L1 63 L2 63 L3 50", or "63/63/50", where "12,5" is 12.5. What is none of these is told as it stands, so that the
// check of the file names it.
function amps(text) {
  const number = (one) => (/^\d+([.,]\d+)?$/.test(one) ? Number(one.replace(",", ".")) : NaN);
  const named = /(L[123])\s*[:=]?\s*(\d+(?:[.,]\d+)?)/g;
  if (/L[123]/.test(text) && !/[^\s,;/]/.test(text.replace(named, ""))) {
    return Object.fromEntries([...text.matchAll(named)].map(([, phase, told]) => [phase, number(told)]));
  }
  const each = text.split(/[\s/]+/).map(number);
  if (!each.every(Number.isFinite)) return text;
  return each.length === 1 ? each[0] : each.length === 3 ? { L1: each[0], L2: each[1], L3: each[2] } : text;
}

// What a form says, nested as in the file: "evses.1.max_a" lies in an outlet of evses.
function keys(form, all = false) {
  const found = {};
  for (const field of form.querySelectorAll("[data-kind]")) {
    const told = value(field, all);
    if (told === undefined) continue;
    const path = field.name.split(".");
    let here = found;
    for (const step of path.slice(0, -1)) here = here[step] ??= {};
    here[path.at(-1)] = told;
  }
  return found;
}

const edit = (route, told) => tell("POST", `${API}/draft/edits`, { route, keys: told }, { headers: { "if-match": etag() } });

// Sends a form once, also where its button is pressed again before the answer is there.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  try {
    await send(form);
  } finally {
    form.ariaBusy = null;
  }
});

async function send(form) {
  if (form.dataset.route) {
    const told = keys(form);
    if (Object.keys(told).length === 0) return say(true, "Nothing was changed there.");
    await done(await edit(JSON.parse(form.dataset.route), told), "Taken over into the draft.");
  } else if (form.dataset.add) {
    const name = form.elements.$name?.value.trim() ?? "+";
    const into = form.dataset.add.startsWith("[") ? JSON.parse(form.dataset.add) : [form.dataset.add];
    const answer = await edit([...into, name], keys(form, true));
    if (answer.ok) { form.reset(); form.closest("details").open = false; }
    await done(answer, name === "+" ? "Added to the draft." : `${name} is added to the draft.`);
    // The button that was pressed is folded away: the keyboard goes on at what unfolds it, to add the next one.
    if (answer.ok) [...document.forms].find((one) => one.dataset.add === form.dataset.add)?.closest("details").firstElementChild.focus();
  } else if (form.dataset.secret) {
    const told = { route: JSON.parse(form.dataset.place), key: form.dataset.secret, secret: form.elements.secret.value };
    form.reset();
    await done(await tell("POST", `${API}/draft/secrets`, told, { headers: { "if-match": etag() } }), "Kept in a file, and named in the draft. It is not shown again.");
  } else if (form.id === "keep-record") {
    const answer = await tell("POST", `${API}/records`, { note: form.elements.note.value });
    if (answer.ok) form.reset();
    await done(answer, `Record ${answer.told.number} is made: print it, and keep it elsewhere.`);
  } else if (form.id === "watch") {
    await done(await tell("POST", `${API}/acceptance`, { minutes: Number(form.elements.minutes.value) }), "The site is being watched.");
  }
}

const pressed = {
  remove: async (button) => done(await edit(JSON.parse(button.dataset.remove), null), "Removed from the draft."),
  outlet: async (button) => done(await edit(JSON.parse(button.dataset.outlet), { max_a: 32, phases: "L1 L2 L3" }), "Added to the draft: see where it is connected."),
  save: async () => {
    const answer = await tell("POST", `${API}/draft/save`, {}, { headers: { "if-match": etag() } });
    await done(answer, answer.told.needs_restart ? "Saved. The installation is taken over by a restart." : "Saved, and in force.");
    setTimeout(refresh, 1_500);
  },
  drop: async () => done(await tell("DELETE", `${API}/draft`), "The draft is gone; the file is as it was."),
  post: async (button) => done(await tell("POST", button.dataset.post, {}), button.dataset.words),
  restart: async () => {
    const answer = await tell("POST", `${API}/restart`, {});
    if (!answer.ok) return done(answer, "");
    say(true, "The controller is starting anew …");
    return back();
  },
  accept: async (button) => accept(button.dataset.accept),
  password: async (button) => password(button.dataset.password),
  test: async (button) => test(button.closest("form"), button, button.dataset.test || "meter-test"),
  trial: async (button) => trial(button.closest("form"), button),
  prove: async (button) => {
    const { prove: station, number } = button.dataset;
    const body = { station, evse: Number(number), offline: "offline" in button.dataset };
    await done(await tell("POST", `${API}/proofs`, body), `${station}/${number} is being tested.`);
  },
  stop: async (button) => done(await tell("DELETE", `${API}/proofs/${encodeURIComponent(button.dataset.stop)}`), "The test has been stopped."),
  arm: async (button) => {
    const armed = button.dataset.arm === "true";
    if (button.dataset.sure && !confirm(button.dataset.sure)) return;
    const answer = await tell("PUT", `${API}/control`, { armed });
    await wait(1_000);
    await done(answer, armed ? "Armed: the controller controls." : "The controller only observes from now on; who was controlled is brought to the fallback.");
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  const word = button && Object.keys(pressed).find((name) => name in button.dataset);
  if (!word || button.ariaBusy === "true") return;
  button.ariaBusy = "true"; // and not disabled, which would take the keyboard away from it
  await pressed[word](button);
  button.ariaBusy = null;
});

// The form for a further station, with the id that knocked.
function accept(station) {
  const more = document.getElementById("station-more");
  const form = more.querySelector("form");
  more.open = true;
  form.elements.$name.value = station;
  form.querySelector("[name=circuit]").focus();
  more.scrollIntoView({ block: "start" });
}

async function password(station) {
  const answer = await tell("POST", `${API}/draft/stations/${encodeURIComponent(station)}/password`, {}, { headers: { "if-match": etag() } });
  await done(answer, `A password for ${station} is made.`);
  if (!answer.ok) return;
  const words = { station, url: answer.told.urls.join(" or "), user: station, word: answer.told.password };
  for (const [name, text] of Object.entries(words)) document.getElementById(`secret-${name}`).textContent = text;
  document.getElementById("secret").hidden = false;
  document.getElementById("secret-title").focus();
}

document.getElementById("secret-done")?.addEventListener("click", () => {
  for (const name of ["url", "user", "word"]) document.getElementById(`secret-${name}`).textContent = "";
  document.getElementById("secret").hidden = true;
});
document.getElementById("print")?.addEventListener("click", () => window.print());

async function test(form, button, way) {
  const result = form.querySelector(".result");
  result.replaceChildren("Reading …");
  const answer = await tell("POST", `${API}/${way}`, { keys: keys(form, true) }, { patience: TEST_MS });
  result.replaceChildren(...(answer.ok ? shown(answer.told) : [answer.told.detail]));
  result.dataset.tone = answer.ok && !answer.told.trouble ? "good" : "bad";
  button.focus();
}

// Tries out what a form describes as it is filled in now, before it is taken over.
async function trial(form, button) {
  const result = form.querySelector(".result");
  const body = { route: JSON.parse(form.dataset.route), keys: keys(form), to: form.elements.$to?.value.trim() ?? "" };
  delete result.dataset.tone;
  result.textContent = "Trying …";
  const answer = await tell("POST", `${API}/connection-test`, body, { patience: TEST_MS });
  const works = answer.ok && !answer.told.trouble;
  result.textContent = works ? answer.told.seen.join(" ") : answer.told.trouble || answer.told.detail;
  result.dataset.tone = works ? "good" : "bad";
  button.focus();
}

// Waits until the controller that was told to begin anew is there again.
async function back() {
  await wait(2_000);
  for (const ends = Date.now() + BACK_MS; Date.now() < ends; await wait(500)) {
    const state = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
    if (state?.ok) { location.reload(); return; }
  }
  say(false, "The controller is not back yet; its log says why.");
}

// On a phone the steps are one row: what is shown is to be in sight there.
document.querySelector(".steps [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// What is measured is renewed by itself; forms are left alone while somebody fills them in.
setInterval(() => document.hidden || !document.querySelector("[data-fresh]") || typing() || refresh(), FRESH_MS);
const typing = () => [...document.querySelectorAll("form [data-kind]")].some((field) => value(field, false) !== undefined);
