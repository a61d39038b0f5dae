// Keeps the page of the plan up to date: asks for the plan, shows a new one, and says when nothing answers.
import { askForms } from "./plan-ask.js";
import { Calendar, duration } from "./texts.js";

const ASK_EVERY_MS = 5_000;
const HISTORY_EVERY_MS = 60_000;
const LOST_S = 15;
const HOURS_BACK = 4;

const body = document.body;
const zone = body.dataset.zone;
let tag = null;
let plan = null;
let heard = performance.now();
let told = 0;
let past = null;
let pastAsked = -HISTORY_EVERY_MS;
let view = null;
let supposed = false;

if (globalThis.uPlot && document.getElementById("chart")) {
  const { PlanView } = await import("./plan-view.js");
  view = new PlanView(document, zone, () => {
    supposed = false;
    show();
  });
}
askForms(document, {
  answered(answer) {
    supposed = true;
    view?.show(answer, past);
  },
  chosen: () => ask(),
});

async function ask() {
  try {
    const headers = tag === null ? {} : { "if-none-match": tag };
    const answer = await fetch("/api/v1/plan", { headers, signal: AbortSignal.timeout(10_000) });
    if (answer.status !== 304 && !answer.ok) throw new Error(`status ${answer.status}`);
    if (answer.status === 200) {
      const next = await answer.json();
      // The page is as new as the first answer.
      if (tag !== null) await renew();
      tag = answer.headers.get("etag");
      plan = next;
      told = performance.now();
      if (await readPast() || !supposed) show();
    } else if (await readPast()) {
      show();
    }
    heard = performance.now();
  } catch {
    // Said by `look`, when it lasts.
  }
  look();
}

function show() {
  if (!supposed && plan !== null) view?.show(plan, past);
}

// What was measured, asked for now and then. True when there is something new.
async function readPast() {
  if (view === null || plan === null || performance.now() - pastAsked < HISTORY_EVERY_MS) return false;
  pastAsked = performance.now();
  const query = new URLSearchParams({ hours: HOURS_BACK, circuit: plan.connection });
  const answer = await fetch(`/api/v1/history?${query}`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) return false;
  past = await answer.json();
  return true;
}

// Take over what the server says now: the parts of a new page stand in for those of this one.
async function renew() {
  const answer = await fetch("/plan", { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.body.dataset.software !== body.dataset.software) {
    location.reload();
    return;
  }
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = page.getElementById(part.id);
    if (next === null) continue;
    part.hidden = next.hidden;
    if (next.dataset.tone) part.dataset.tone = next.dataset.tone;
    if (part.innerHTML !== next.innerHTML) part.replaceChildren(...next.childNodes);
  }
  for (const id of ["ahead", "table", "what-if"]) {
    const [here, there] = [document.getElementById(id), page.getElementById(id)];
    if (here && there) here.hidden = there.hidden;
  }
  const choice = document.querySelector("#strategy select");
  if (choice && document.activeElement !== choice) choice.value = page.querySelector("#strategy select").value;
}

// How old everything is.
function look() {
  const now = performance.now();
  const lost = (now - heard) / 1000 > LOST_S;
  body.dataset.link = lost ? "lost" : tag === null ? "wait" : "live";
  write("link", lost ? "stale" : tag === null ? "connecting" : "live");
  const stale = document.getElementById("stale");
  stale.hidden = !lost;
  if (plan === null) return;
  const seen = new Date(Date.parse(plan.at) + now - told);
  if (lost) {
    write("stale", `No news since ${document.getElementById("clock").textContent}: what you see is old. Trying to reconnect.`);
    return;
  }
  write("clock", new Calendar(zone, seen).clock(seen));
  const age = document.querySelector("#banner [data-age]");
  if (age && plan.age_s !== null) age.textContent = duration(plan.age_s + (now - told) / 1000);
  view?.at(seen.getTime() / 1000);
}

function write(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
}

setInterval(look, 1_000);
setInterval(() => document.hidden || ask(), ASK_EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || ask());
ask();
