// Asks the interface and takes over the parts of a new page that changed.
const PATIENCE_MS = 75_000;

// {status, told}: what came of a request; status 0 when nobody answered.
export async function send(method, url, question) {
  const headers = { "content-type": "application/json" };
  const csrf = document.cookie.split("; ").find((one) => one.startsWith("ems-csrf="));
  if (csrf) headers["x-csrf-token"] = csrf.slice("ems-csrf=".length);
  try {
    const body = question === undefined ? undefined : JSON.stringify(question);
    const answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.status === 401) location.reload();
    return { status: answer.status, told: answer.status === 204 ? {} : await answer.json() };
  } catch {
    return { status: 0, told: { detail: "The controller did not answer; look what came of it before you try again." } };
  }
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
