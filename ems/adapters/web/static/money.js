// The pages of money: forms are told to the interface as JSON, once, and the page shows what came of it.
import { tell } from "./tell.js";

const said = document.getElementById("said");
const NOTE = "ems-money-note";
const SURE_MS = 6_000;

// A new name for something that must happen once, however often it is sent; works without a secure context.
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

function say(words, tone) {
  said.hidden = false;
  said.dataset.tone = tone;
  said.textContent = words;
}

function value(field) {
  if (field.dataset.type === "flag") return field.value === "true";
  return field.value.trim();
}

function told(form) {
  const fields = [...form.elements].filter((one) => one.name && one.name !== form.dataset.name && (one.value !== "" || one.tagName === "TEXTAREA" || one.type === "text"));
  return Object.fromEntries(fields.map((one) => [one.name, value(one)]));
}

function address(form) {
  if (form.dataset.name) return form.dataset.url + encodeURIComponent(form.elements[form.dataset.name].value);
  if (form.dataset.key === undefined) return form.dataset.url;
  form.dataset.key ||= newKey();
  return form.dataset.url + form.dataset.key;
}

// What cannot be taken back is pressed twice.
function isSure(button, words) {
  if (!words || button.dataset.asked) return true;
  const before = button.textContent;
  button.dataset.asked = "yes";
  button.textContent = words;
  setTimeout(() => { delete button.dataset.asked; button.textContent = before; }, SURE_MS);
  return false;
}

async function done(answer, words, follow) {
  if (!answer.ok) {
    say(answer.told.detail ?? "It was refused.", "bad");
  } else if (follow && answer.told[follow]) {
    location.assign(answer.told[follow]);
  } else if (follow) {
    say("The payment provider does not answer yet; try it again in a moment.", "wait");
  } else {
    sessionStorage.setItem(NOTE, words);
    location.reload();
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.method) return;
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button");
  if (!isSure(button, form.dataset.sure)) return;
  button.disabled = true;
  await done(await tell(form.dataset.method, address(form), told(form)), form.dataset.done, form.dataset.follow);
  button.disabled = false;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  if (!button) return;
  if (button.dataset.print !== undefined) window.print();
  if (button.dataset.remove && isSure(button, button.dataset.sure)) {
    await done(await tell("DELETE", button.dataset.remove), "It is gone.");
  }
});

const note = sessionStorage.getItem(NOTE);
if (note) {
  sessionStorage.removeItem(NOTE);
  say(note, "good");
}
