// Asks the interface and takes over the parts of a new page that changed.
import { heard, loggedOut, unheard } from "./news.js";
import { tell } from "./tell.js";

const PATIENCE_MS = 75_000;
const ANSWER_MS = 10_000;
// A page is old when it missed so many turns, and not at the first hiccup.
const OLD_TURNS = 3;
const OLD_MS = 10_000;

// {ok, status, told}: what came of a request.
export function send(method, url, question) {
  return tell(method, url, question, { patience: PATIENCE_MS });
}

// What each part shows, as the controller told it: a page that says the same again leaves it alone, with all that scripts
// have put there meanwhile.
for (const part of document.querySelectorAll("[data-part]")) part.dataset.shown = part.innerHTML;

// Takes over every part of the page whose content is another now; keeps what somebody is typing into or pressing, what is
// typed and chosen and was not taken over, and where the keyboard is. Whether there is a new page.
export async function refresh() {
  return (await renewed()) === 200;
}

// The status of the new page; 0 when there was no answer.
async function renewed() {
  let text = "";
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) return answer.status;
    text = await answer.text();
  } catch {
    return 0;
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === part.dataset.shown || (part !== over && isBusy(part))) continue;
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    const held = reached(part).indexOf(document.activeElement);
    const typed = typedIn(part);
    part.dataset.shown = fresh.innerHTML;
    part.replaceChildren(...document.importNode(fresh, true).childNodes);
    part.querySelectorAll("details").forEach((one, k) => { if (open[k]) one.open = true; });
    for (const [key, field] of fieldsOf(part)) if (typed.has(key)) type(field, typed.get(key));
    const all = reached(part);
    if (held >= 0) (all[Math.min(held, all.length - 1)] ?? after(part))?.focus({ preventScroll: true });
    part.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
  }
  return 200;
}

// The part in which somebody has sent something, and begun nothing else since.
let over = null;
// The form whose content was taken over: what stands in it then is what the page says.
let settled = null;
document.addEventListener("input", () => { over = settled = null; });

// Who has sent a form types in it no more: the keyboard waits at its button, and what came of it can be shown. What was
// typed stays in it unless it `isDone`.
export function sent(isDone = false) {
  const here = document.activeElement;
  over = here?.closest("[data-part]") ?? null;
  settled = isDone ? here?.form ?? null : null;
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

// The fields of a part, each by its form, its name, what it ticks, and its place among those that are called the same.
function fieldsOf(part) {
  const found = new Map();
  for (const field of part.querySelectorAll("input:not([type=file]), select, textarea")) {
    const form = field.form ? field.form.getAttribute("id") ?? JSON.stringify(field.form.dataset) : "";
    const called = `${form} ${field.name} ${/^(checkbox|radio)$/.test(field.type) ? JSON.stringify(field.value) : ""}`;
    let nth = 0;
    while (found.has(`${called} ${nth}`)) nth += 1;
    found.set(`${called} ${nth}`, field);
  }
  return found;
}

const typedIn = (part) => new Map([...fieldsOf(part)].filter(([, field]) => isFilled(field) && !(settled && field.form === settled)));

function type(field, before) {
  if (before.type === "checkbox" || before.type === "radio") field.checked = before.checked;
  else if (before.tagName !== "SELECT" || [...field.options].some((one) => one.value === before.value)) field.value = before.value;
}

// What the keyboard reaches in a part, in order.
const reached = (part) => [...part.querySelectorAll("a[href], button, summary, input, select, textarea, [tabindex]")];

// What it reaches next behind a part in which nothing is left for it.
const after = (part) => reached(document).find((one) => part.compareDocumentPosition(one) === Node.DOCUMENT_POSITION_FOLLOWING && one.checkVisibility());

// Renews the page again and again while somebody looks at it. Nothing old is shown as if it were new.
export function keepFresh(everyMs) {
  let last = performance.now();
  const turn = async () => {
    if (document.hidden) return;
    const status = await renewed();
    if (status === 200) {
      last = performance.now();
      heard();
    } else if (status === 401) {
      loggedOut();
    } else if (performance.now() - last > Math.max(OLD_MS, OLD_TURNS * everyMs)) {
      unheard();
    }
  };
  setInterval(turn, everyMs);
  document.addEventListener("visibilitychange", turn);
}
