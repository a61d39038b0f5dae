// The page of alarms: who has seen what is told to the interface, and what changed is taken over.
import { keepFresh, refresh, sent } from "./station-ask.js";
import { say, tell } from "./tell.js";

const FRESH_MS = 3_000;
const SOON_MS = 1_500;

async function done(answer, words) {
  say(answer, words);
  sent(answer.ok);
  await refresh();
}

document.addEventListener("submit", async (event) => {
  const number = event.target.dataset.acknowledge;
  if (number === undefined) return;
  event.preventDefault();
  const note = event.target.elements.note.value.trim();
  await done(await tell("POST", `/api/v1/alarms/${number}/acknowledge`, { note }), "It is noted that you have seen it.");
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-test]");
  if (!button) return;
  const name = button.dataset.test;
  await done(await tell("POST", `/api/v1/targets/${encodeURIComponent(name)}/test`, {}), `A test is on its way to ${name}.`);
  setTimeout(refresh, SOON_MS);
});

keepFresh(FRESH_MS);
