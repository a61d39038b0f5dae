// How scripts change something: JSON with the second secret of the login, and to the login where that is missing.
const PATIENCE_MS = 60_000;

// The answer of the controller: {ok, status, told}, where `told` is JSON, or {detail} in words when it was refused.
export async function tell(method, url, body, { patience = PATIENCE_MS, headers = {} } = {}) {
  try {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const all = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...secret(), ...headers };
    const answer = await fetch(url, { method, headers: all, ...content, signal: AbortSignal.timeout(patience) });
    if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    const text = await answer.text();
    return { ok: answer.ok, status: answer.status, told: text ? JSON.parse(text) : {} };
  } catch {
    return { ok: false, status: 0, told: { detail: "The controller did not answer; try it again." } };
  }
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
