// The page of one station: sends what is asked, shows what came of it, and keeps itself up to date.
import { keepFresh, refresh, send, sent } from "./station-ask.js";

const FRESH_MS = 5_000;
const base = `/api/v1/stations/${encodeURIComponent(document.getElementById("about").dataset.station)}`;
const said = document.getElementById("said");
const insist = document.getElementById("insist");
let again = null;

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-operation], form[data-path]");
  if (!form) return;
  event.preventDefault();
  let body;
  try {
    body = bodyOf(form);
  } catch {
    tell("That is not JSON; correct it, then send it again.", "bad");
    return;
  }
  sent();
  if (form.dataset.path) steer("POST", form.dataset.path, body);
  else ask(form.dataset.operation, body);
});

document.addEventListener("click", async (event) => {
  const remove = event.target.closest("button[data-remove]");
  if (remove) steer("DELETE", remove.dataset.remove);
  const forget = event.target.closest("button[data-forget]");
  if (!forget) return;
  const { status, told } = await send("DELETE", `${base}/requests/${forget.dataset.forget}`);
  tell(status === 204 ? "Taken back." : told.detail, status === 204 ? "good" : "bad");
  refresh();
});

insist.addEventListener("click", () => again && ask(again.operation, { ...again.body, insists: true }));

async function ask(operation, body) {
  tell("Asked; waiting for the answer …", "wait");
  const { status, told } = await send("POST", `${base}/${operation}`, body);
  const good = status === 200 || status === 202;
  tell(good ? told.words : told.objection ?? told.detail, status === 200 ? "good" : good ? "wait" : "bad", told.warnings ?? told.asked?.warnings);
  if (told.may_insist) {
    again = { operation, body };
    insist.hidden = false;
  }
  refresh();
}

// What is asked of the controller, not of the station.
async function steer(method, path, body) {
  const { status, told } = await send(method, path, body);
  const good = status === 200 || status === 204;
  tell(good ? "Done; the controller sees to it." : told.detail, good ? "good" : "bad");
  setTimeout(refresh, 1_200);
}

function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.dataset.value || (field.value === "" && field.type !== "checkbox")) continue;
    if (field.dataset.key) body[field.dataset.key] = { [field.value]: form.elements.value.value };
    else if (field.type === "checkbox") body[field.name] = field.checked;
    else if ("number" in field.dataset) body[field.name] = Number(field.value);
    else if ("truth" in field.dataset) body[field.name] = field.value === "true";
    else if ("json" in field.dataset) body[field.name] = JSON.parse(field.value);
    else body[field.name] = field.value;
  }
  return body;
}

function tell(text, tone, warnings = []) {
  said.hidden = false;
  said.dataset.tone = tone;
  document.getElementById("said-text").textContent = text;
  document.getElementById("said-warnings").textContent = warnings.join("; ");
  insist.hidden = true;
}

// Shows of what was said only what is asked for: whoever asks for a routine action need not tick it as well.
const sieve = document.getElementById("sieve");

function sift() {
  if (!sieve) return;
  const { action, side, text } = Object.fromEntries([...new FormData(sieve)].map(([name, value]) => [name, value.trim().toLowerCase()]));
  const asked = Boolean(action || side || text);
  const all = document.getElementById("routine").checked || Boolean(action);
  let found = 0;
  for (const line of document.querySelectorAll("#messages > li")) {
    const fits = line.dataset.action.toLowerCase().includes(action) && (!side || line.dataset.side === side)
      && line.textContent.toLowerCase().includes(text) && (all || !("routine" in line.dataset));
    line.hidden = asked && !fits;
    found += fits;
  }
  document.getElementById("messages").toggleAttribute("data-all", all);
  document.getElementById("sieved").textContent = asked ? `${found} of what was said` : "";
}

sieve?.addEventListener("input", sift);
sieve?.addEventListener("submit", (event) => {
  event.preventDefault();
  sift();
});
document.getElementById("messages")?.addEventListener("renewed", sift);

sift();
keepFresh(FRESH_MS);
