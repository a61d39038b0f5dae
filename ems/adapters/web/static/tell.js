// How scripts change something: JSON with the second secret of the login.
import { heard, loggedOut } from "./news.js";

const PATIENCE_MS = 60_000;

// The answer of the controller: {ok, status, told, etag}, where `told` is JSON, or {detail} in words when it was refused.
export async function tell(method, url, body, { patience = PATIENCE_MS, headers = {} } = {}) {
  try {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const all = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...secret(), ...headers };
    const answer = await fetch(url, { method, headers: all, ...content, signal: AbortSignal.timeout(patience) });
    if (answer.status === 401) return refused();
    heard();
    const text = await answer.text();
    return { ok: answer.ok, status: answer.status, told: text ? JSON.parse(text) : {}, etag: answer.headers.get("etag") };
  } catch {
    return { ok: false, status: 0, told: { detail: "The controller did not answer; try it again." } };
  }
}

// Nobody is logged in any more. A page whose forms hold what was typed stays; any other goes to the login.
function refused() {
  const stays = document.body.classList.contains("control");
  if (stays) loggedOut();
  else location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  return { ok: false, status: 401, told: { detail: "Your login is over: nothing was changed. Log in again, and send it once more." } };
}

// Says on the page what came of it: `words`, or why it was refused.
export function say({ ok, told }, words) {
  const said = document.getElementById("said");
  said.hidden = false;
  said.dataset.tone = ok ? "good" : "bad";
  said.textContent = ok ? words : told.detail;
  said.scrollIntoView({ block: "nearest" });
}

function secret() {
  const found = document.cookie.split("; ").find((one) => one.startsWith("ems-csrf="));
  return found ? { "x-csrf-token": found.slice("ems-csrf=".length) } : {};
}
