// Asks the interface and takes over the parts of a new page that changed.
import { tell } from "./tell.js";

const PATIENCE_MS = 75_000;

// {ok, status, told}: what came of a request.
export function send(method, url, question) {
  return tell(method, url, question, { patience: PATIENCE_MS });
}

// Takes over every part of the page whose content is another now; keeps what somebody is typing into, and what is chosen.
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
    if (!fresh || fresh.innerHTML === part.dataset.shown || part.contains(document.activeElement)) continue;
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    part.dataset.shown = fresh.innerHTML;
    part.replaceChildren(...document.importNode(fresh, true).childNodes);
    part.querySelectorAll("details").forEach((one, k) => { if (open[k]) one.open = true; });
    part.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
  }
  return true;
}

export function keepFresh(everyMs) {
  setInterval(() => document.hidden || refresh(), everyMs);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}
