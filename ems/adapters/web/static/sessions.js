// The list of sessions: what is left empty is not sent, so that an address says only what was asked; the columns that
// somebody chose stay chosen in this browser.
import { tell } from "./tell.js";

const KEY = "ems-session-columns";
const form = document.getElementById("filter");
const boxes = () => [...form.querySelectorAll("input[name=column]")];

form.addEventListener("submit", () => {
  const chosen = boxes().filter((box) => box.checked).map((box) => box.value);
  localStorage.setItem(KEY, JSON.stringify(chosen));
  for (const field of form.elements) {
    if (field.name && field.value === "") field.disabled = true;
  }
});

// Back from another page the fields are there again.
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});

const kept = remembered();
if (kept !== null && !new URLSearchParams(location.search).has("column")) {
  const address = new URLSearchParams(location.search);
  for (const name of kept) address.append("column", name);
  const shown = boxes().filter((box) => box.checked).map((box) => box.value);
  if (shown.join() !== boxes().map((box) => box.value).filter((name) => kept.includes(name)).join()) location.replace(`?${address}`);
}

function remembered() {
  try {
    const told = JSON.parse(localStorage.getItem(KEY));
    const known = new Set(boxes().map((box) => box.value));
    const chosen = Array.isArray(told) ? told.filter((name) => known.has(name)) : [];
    return chosen.length > 0 ? chosen : null;
  } catch {
    return null;
  }
}

const forget = document.getElementById("forget");
forget?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { person, tag, before } = forget.elements;
  const whose = person.value !== "" ? { person: person.value } : { tag: tag.value };
  if (person.value === "" && tag.value === "") return say("Name a person or a tag.", "bad");
  if (!confirm(`Forget who charged, for ${person.value || tag.value}? This cannot be undone.`)) return;
  const { ok, told } = await tell("POST", "/api/v1/erasures", { ...whose, before: before.value });
  say(ok ? `${told.sessions} sessions forgot who charged.` : told.detail, ok ? "good" : "bad");
});

function say(words, tone) {
  const said = document.getElementById("said");
  said.textContent = words;
  said.dataset.tone = tone;
  said.hidden = false;
}
