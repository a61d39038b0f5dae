// Asks the interface and takes over the parts of a new page that changed.
import { tell } from "./tell.js";

const PATIENCE_MS = 75_000;

// {ok, status, told}: what came of a request.
export function send(method, url, question) {
  return tell(method, url, question, { patience: PATIENCE_MS });
}

// Takes over every part of the page whose content is another now; keeps what somebody is typing into or pressing, what is
// chosen, and where the keyboard is.
export async function refresh() {
  let text = "";
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return false;
    text = await answer.text();
  } catch {
    return false;
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === part.dataset.shown || (part !== over && isBusy(part))) continue;
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    const held = reached(part).indexOf(document.activeElement);
    part.dataset.shown = fresh.innerHTML;
    part.replaceChildren(...document.importNode(fresh, true).childNodes);
    part.querySelectorAll("details").forEach((one, k) => { if (open[k]) one.open = true; });
    const all = reached(part);
    if (held >= 0) all[Math.min(held, all.length - 1)]?.focus({ preventScroll: true });
    part.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
  }
  return true;
}

// The part in which somebody has sent something, and begun nothing else since.
let over = null;
document.addEventListener("input", () => { over = null; });

// Who has sent a form types in it no more: the keyboard waits at its button, and what came of it can be shown.
export function sent() {
  const here = document.activeElement;
  over = here?.closest("[data-part]") ?? null;
  if (here?.form && here.tagName !== "BUTTON") (here.form.querySelector("button:not([type=button])") ?? here.form.querySelector("button"))?.focus();
}

// Somebody types or chooses in it, holds something down, or is about to send what is filled in.
function isBusy(part) {
  if (part.querySelector(":active") !== null) return true;
  const here = document.activeElement;
  return part.contains(here) && (here.matches("input, select, textarea") || [...part.querySelectorAll("input, select, textarea")].some(isFilled));
}

function isFilled(field) {
  if (field.tagName === "SELECT") return [...field.options].some((one) => one.selected !== one.defaultSelected && (one.defaultSelected || one.index > 0));
  return field.value !== field.defaultValue || (field.type === "checkbox" && field.checked !== field.defaultChecked);
}

// What the keyboard reaches in a part, in order.
const reached = (part) => [...part.querySelectorAll("a[href], button, summary, input, select, textarea, [tabindex]")];

export function keepFresh(everyMs) {
  setInterval(() => document.hidden || refresh(), everyMs);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}
