// The page of vehicles: what is pressed is told to the interface, and what changed is taken over.
import { keepFresh, refresh, sent } from "./station-ask.js";
import { handIn, readTable, showRows, UNREADABLE } from "./table-file.js";
import { say, tell } from "./tell.js";

const FRESH_MS = 10_000;
const vehicle = document.getElementById("vehicle");
const list = document.getElementById("list");
let seen = null; // {id, etag} of the vehicle that is described anew

async function done(answer, words) {
  say(answer, words);
  sent(answer.ok);
  await refresh();
  return answer.ok;
}

const number = (text) => (text === "" ? null : Number(text));
const of = (form, name) => form.elements.namedItem(name);
const at = (base, name) => base + encodeURIComponent(name);

function guarantee(form) {
  const [energy, by, always] = [of(form, "promised").value, of(form, "by").value, of(form, "minimum_always").checked];
  if (energy === "" && !always) return null;
  return { energy_kwh: Number(energy || 0), by: by || null, minimum_always: always };
}

// A line of a week: days, a time or "stays", and what it must have.
function weekly(line) {
  const found = /^(.+?)\s+(\d{1,2}:\d\d|stays)(?:\s+(?:with\s+)?([\d.]+)\s*(%|kWh))?$/i.exec(line.trim());
  if (!found) throw new Error(`"${line.trim()}" is no departure; write for example Mon-Fri 05:10 90 %`);
  const [, days, time, much, unit] = found;
  const goal = much === undefined ? {} : unit === "%" ? { target_soc_percent: Number(much) } : { energy_kwh: Number(much) };
  return { days, at: /stays/i.test(time) ? null : time, ...goal };
}

function inLines(week) {
  return week.map((one) => {
    const goal = one.target_soc_percent !== null ? ` ${one.target_soc_percent} %` : one.energy_kwh !== null ? ` ${one.energy_kwh} kWh` : "";
    return `${one.days} ${one.at ?? "stays"}${goal}`;
  }).join("\n");
}

async function keepVehicle() {
  const id = of(vehicle, "id").value.trim();
  let week;
  try {
    week = of(vehicle, "week").value.split("\n").filter((line) => line.trim()).map(weekly);
  } catch (wrong) {
    await done({ ok: false, told: { detail: wrong.message } });
    return;
  }
  const kept = seen?.id === id ? seen : null;
  const body = {
    ...(kept?.rest ?? {}),
    name: of(vehicle, "name").value.trim(),
    id_tags: of(vehicle, "id_tags").value.split(/[,;]/).map((one) => one.trim()).filter(Boolean),
    evse: of(vehicle, "evse").value || null,
    ...Object.fromEntries(["battery_kwh", "max_a", "legs", "max_kw", "service_class"].map((name) => [name, number(of(vehicle, name).value)])),
    guarantee: guarantee(vehicle),
    weekly: week,
  };
  const answer = await tell("PUT", at("/api/v1/vehicles/", id), body, { headers: kept ? { "if-match": kept.etag } : { "if-none-match": "*" } });
  if (answer.ok) vehicle.reset(); // at once: by the time the page is fresh, somebody may have begun the next one
  await done(answer, `${id} is kept.`);
}

async function edit(id) {
  const answer = await fetch(at("/api/v1/vehicles/", id), { cache: "no-store" });
  const row = await answer.json();
  if (!answer.ok) {
    await done({ ok: false, told: row });
    return;
  }
  vehicle.reset();
  const rest = Object.fromEntries(["min_a", "efficiency", "consumption_kwh_per_km"].map((name) => [name, row[name]]));
  seen = { id, etag: answer.headers.get("etag"), rest };
  for (const name of ["id", "name", "battery_kwh", "max_a", "legs", "max_kw", "service_class", "evse"]) of(vehicle, name).value = row[name] ?? "";
  of(vehicle, "id_tags").value = row.id_tags.join(", ");
  of(vehicle, "promised").value = row.guarantee?.energy_kwh ?? "";
  of(vehicle, "by").value = row.guarantee?.by ?? "";
  of(vehicle, "minimum_always").checked = row.guarantee?.minimum_always ?? false;
  of(vehicle, "week").value = inLines(row.weekly);
  document.getElementById("one").open = true;
  of(vehicle, "name").focus();
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const name = form.getAttribute("id");
  if (form.dataset.soc) {
    await done(await tell("PUT", `${at("/api/v1/vehicles/", form.dataset.soc)}/soc`, { soc_percent: Number(of(form, "soc").value) }), "It is noted.");
  } else if (name === "vehicle") {
    await keepVehicle();
  } else if (name === "day") {
    const time = of(form, "at").value;
    const one = { at: time, energy_kwh: number(of(form, "energy_kwh").value), target_soc_percent: number(of(form, "soc").value) };
    const url = `${at("/api/v1/departures/", of(form, "vehicle").value)}/${of(form, "date").value}`;
    await done(await tell("PUT", url, { departures: time ? [one] : [] }), "It is kept.");
  } else if (name === "class") {
    const body = { name: of(form, "name").value.trim(), guarantee: guarantee(form) };
    const answer = await tell("PUT", `/api/v1/classes/${of(form, "number").value}`, body);
    if (answer.ok) form.reset();
    await done(answer, "It is kept, and counts at once.");
  } else if (name === "list") {
    await preview();
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  if (!button) return;
  if (button.dataset.edit) await edit(button.dataset.edit);
  else if (button.dataset.forget) {
    const headers = button.dataset.etag ? { "if-match": button.dataset.etag } : {};
    await done(await tell("DELETE", button.dataset.forget, undefined, { headers }), "It is gone.");
  } else if (button.id === "take") {
    const csv = handIn(list);
    if (csv !== undefined) await done(await tell("POST", "/api/v1/departures/import?apply=true", { csv }), "The list was taken.");
  }
});
vehicle?.addEventListener("reset", () => { seen = null; });

async function preview() {
  const csv = await readTable(list);
  const { ok, told } = csv === null ? UNREADABLE : await tell("POST", "/api/v1/departures/import", { csv });
  document.getElementById("take").hidden = !ok || told.refused;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: document.getElementById("list").dataset.zone, timeStyle: "short" });
  const when = (many) => many.map((one) => clock.format(new Date(one.at))).join(", ") || "its week";
  const changed = ok ? told.days.filter((day) => day.kind !== "same") : [];
  const rows = ok
    ? [...told.findings.map((one) => `row ${one.row}: ${one.message}; ${one.remedy}`),
       ...changed.map((day) => `${day.vehicle} on ${day.date}: ${when(day.before)} → ${when(day.after)}`)]
    : [told.detail];
  const heading = ok && !told.refused ? `${told.days.length} days, ${told.days.length - changed.length} of them as they are; nothing has changed yet.` : "It cannot be taken like this:";
  showRows(list, heading, "What the list says", rows, ok ? told.findings_total + changed.length : rows.length);
}

function find() {
  const words = document.querySelector("#find input").value.trim().toLowerCase();
  const all = [...document.querySelectorAll("#vehicles > [data-words]")];
  for (const one of all) one.hidden = !one.dataset.words.includes(words);
  document.getElementById("found").textContent = words ? `${all.filter((one) => !one.hidden).length} of ${all.length}` : "";
}

document.getElementById("find").addEventListener("input", find);
document.getElementById("vehicles").addEventListener("renewed", find);
keepFresh(FRESH_MS);
