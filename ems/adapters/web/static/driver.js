// Keeps the page of a bay fresh: words and numbers in place, and the whole of it when what can be done has changed.
// What somebody is writing stays as it is. Without this script the page still works; it is then loaded again.

const body = document.body;
const path = `/c/${body.dataset.slug}`;
let key = body.dataset.key;
let timer = 0;
let failures = 0;
let source = null;
let heard = 0;
let closed = -Infinity;
const SILENT_MS = 15000;
const AGAIN_MS = 60000;

function say(texts) {
  for (const [name, text] of Object.entries(texts)) {
    for (const place of document.querySelectorAll(`[data-f="${name}"]`)) {
      if (place.textContent !== text) place.textContent = text;
    }
  }
}

function written() {
  return [...document.querySelectorAll("main input, main select, main textarea")].map((one, place) => ({
    place, name: one.name, kind: one.type, value: one.value, checked: one.checked,
  }));
}

function write(kept) {
  for (const one of document.querySelectorAll("main input, main select, main textarea")) {
    const choice = one.type === "radio" || one.type === "checkbox";
    const was = kept.find((k) => k.name === one.name && k.kind === one.type && (!choice || k.value === one.value));
    if (!was || one.type === "hidden") continue;
    if (choice) one.checked = was.checked;
    else one.value = was.value;
  }
}

async function replace(fresh) {
  const answer = await fetch(path, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = page.querySelector("main");
  const kept = written();
  const open = [...document.querySelectorAll("main details[open] > summary")].map((one) => one.textContent);
  document.querySelector("main").replaceWith(main);
  for (const summary of main.querySelectorAll("details > summary")) {
    if (open.includes(summary.textContent)) summary.parentElement.open = true;
  }
  write(kept);
  document.title = page.title;
  key = fresh;
}

async function take(told) {
  if (told.key === key) say(told.texts);
  else await replace(told.key);
}

function stale(is) {
  document.querySelector("#stale").hidden = !is;
}

async function look() {
  clearTimeout(timer);
  let again = 15;
  try {
    const answer = await fetch(`${path}/live`, { signal: AbortSignal.timeout(8000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    again = told.again_s;
    await take(told);
    failures = 0;
  } catch {
    failures += 1;
    again = Math.min(30, 2 * failures);
  }
  stale(failures >= 3);
  if (document.hidden) return;
  // Whoever can be told need not ask; of the two a look is what always works.
  timer = setTimeout(failures === 0 && performance.now() - closed > AGAIN_MS ? listen : look, 1000 * again);
}

function hush() {
  source?.close();
  source = null;
}

function listen() {
  clearTimeout(timer);
  hush();
  source = new EventSource(`${path}/news`);
  heard = performance.now();
  const alive = () => {
    heard = performance.now();
    failures = 0;
    stale(false);
  };
  source.onmessage = async (event) => {
    alive();
    // What was told and could not be shown is not told again.
    await take(JSON.parse(event.data)).catch(ask);
  };
  source.addEventListener("still", alive);
  source.onerror = () => {
    if (source?.readyState === EventSource.CLOSED) ask();
  };
}

// There was no place to listen, nothing comes, or it could not be shown: ask instead, and try again later.
function ask() {
  hush();
  closed = performance.now();
  look();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    clearTimeout(timer);
    hush();
  } else listen();
});
setInterval(() => {
  if (source && performance.now() - heard > SILENT_MS) ask();
}, 2000);
if (!document.hidden) listen();
