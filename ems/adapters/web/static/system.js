// The page of the system: makes and deletes backups, and keeps itself up to date.
import { keepFresh, refresh, sent } from "./station-ask.js";
import { tell } from "./tell.js";

const PATIENCE_MS = 600_000;
const said = document.getElementById("said");

function say(answer, words) {
  said.hidden = false;
  said.dataset.tone = answer === null ? "wait" : answer.ok ? "good" : "bad";
  said.textContent = answer === null || answer.ok ? words : answer.told.detail;
  sent(answer?.ok);
}

document.getElementById("make")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  say(null, "The backup is being made …");
  const body = { with_secrets: event.target.elements.with_secrets.checked };
  const answer = await tell("POST", "/api/v1/backups", body, { patience: PATIENCE_MS });
  say(answer, `${answer.told.name} is made: download it.`);
  button.disabled = false;
  await refresh();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-forget]");
  if (!button) return;
  say(await tell("DELETE", button.dataset.forget), "It is gone.");
  await refresh();
});

keepFresh(5_000);
