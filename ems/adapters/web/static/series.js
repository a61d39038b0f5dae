// The page of series: a table is read by the controller before it is taken, and what was pushed is taken back.
import { keepFresh, refresh, sent } from "./station-ask.js";
import { handIn, readTable, showRows, UNREADABLE } from "./table-file.js";
import { say, tell } from "./tell.js";

const FRESH_MS = 30_000;

async function done(answer, words) {
  say(answer, words);
  sent(answer.ok);
  await refresh();
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const table = await readTable(form);
  const answer = table === null ? UNREADABLE : await tell("POST", "/api/v1/prices/preview", { series: form.dataset.series, table });
  form.querySelector("[data-take]").hidden = !answer.ok;
  show(form, answer);
});

function show(form, { ok, told }) {
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: form.dataset.zone, dateStyle: "medium", timeStyle: "short" });
  const heading = ok
    ? `${told.taken} values from ${clock.format(new Date(told.begin))} until ${clock.format(new Date(told.end))}; nothing has changed yet.`
    : `It cannot be taken like this: ${told.detail}`;
  const rows = (told.findings ?? []).map((one) => `row ${one.row}: ${one.message}; ${one.remedy}`);
  showRows(form, heading, "What is to be said about rows", rows, told.findings_total);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  if (!button) return;
  if (button.dataset.forget) {
    await done(await tell("DELETE", button.dataset.forget), "It is gone; files count alone.");
  } else if (button.dataset.take !== undefined) {
    const form = button.closest("form");
    const body = { series: form.dataset.series, table: handIn(form) };
    if (body.table === undefined) return;
    await done(await tell(form.elements.whole.checked ? "PUT" : "POST", "/api/v1/prices", body), "The table was taken, and counts at once.");
  }
});
keepFresh(FRESH_MS);
