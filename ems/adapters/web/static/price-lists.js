// The page of price lists: what is written is told to the interface, which says no with words.
import { keepFresh, refresh, sent } from "./station-ask.js";
import { say, tell } from "./tell.js";

const FRESH_MS = 10_000;
const LISTS = "/api/v1/price-lists/";
const UNITS = { kwh: "kWh", minute: "min", "idle-minute": "min idle", session: "session" };
const form = document.getElementById("list");
const fees = document.getElementById("fees");
const shown = document.getElementById("shown");
let seen = null; // {id, etag} of the list that is written anew

const of = (name) => form.elements.namedItem(name);
const ticked = (name) => [...form.querySelectorAll(`[name=${name}]:checked`)].map((one) => one.value);
const parts = (text) => text.split(";").map((one) => one.trim()).filter(Boolean);
// Half of the world writes a comma where prices have a point.
const amount = (text) => text.trim().replace(/^(\d+),(\d+)$/, "$1.$2");

async function done(answer, words) {
  say(answer, words);
  sent(answer.ok);
  await refresh();
}

function addFee(fee = {}) {
  const row = document.getElementById("fee").content.cloneNode(true).firstElementChild;
  for (const field of row.querySelectorAll("[data-of]")) {
    const told = fee[field.dataset.of];
    if (told !== undefined) field.value = Array.isArray(told) ? told.join("; ") : told;
  }
  fees.append(row);
  return row;
}

function feesOf() {
  return [...fees.children].map((row) => {
    const { price, unit, when, seasons } = Object.fromEntries([...row.querySelectorAll("[data-of]")].map((one) => [one.dataset.of, one.value]));
    return { unit, price: amount(price), when: parts(when), seasons: parts(seasons) };
  });
}

function body() {
  const money = Object.fromEntries(["hold", "idle_at_most"].map((name) => [name, amount(of(name).value) || null]));
  const days = Object.fromEntries(["valid_from", "valid_until"].map((name) => [name, of(name).value || null]));
  return {
    name: of("name").value.trim(),
    fees: feesOf(),
    vat_percent: amount(of("vat_percent").value) || "0",
    idle_grace_min: Number(of("idle_grace_min").value || 0),
    evses: ticked("evses"),
    groups: ticked("groups"),
    ...money,
    ...days,
  };
}

async function keep() {
  const id = of("id").value.trim();
  const headers = seen?.id === id ? { "if-match": seen.etag } : { "if-none-match": "*" };
  const answer = await tell("PUT", LISTS + encodeURIComponent(id), body(), { headers });
  if (answer.ok) form.reset();
  await done(answer, `${id} is kept: it counts for who plugs in from now on.`);
}

// The form with what a list says; `anew`: under its own name, else as the beginning of another.
async function open(id, anew) {
  const answer = await fetch(LISTS + encodeURIComponent(id), { cache: "no-store" });
  const row = await answer.json();
  if (!answer.ok) {
    await done({ ok: false, told: row });
    return;
  }
  form.reset();
  fees.replaceChildren();
  for (const fee of row.fees) addFee(fee);
  for (const name of ["name", "vat_percent", "idle_grace_min", "idle_at_most", "hold", "valid_from", "valid_until"]) of(name).value = row[name] ?? "";
  for (const name of ["evses", "groups"]) {
    for (const one of form.querySelectorAll(`[name=${name}]`)) one.checked = row[name].includes(one.value);
  }
  document.getElementById("where").open = row.evses.length + row.groups.length > 0;
  if (anew) seen = { id, etag: answer.headers.get("etag") };
  of("id").value = anew ? id : "";
  document.getElementById("one").open = true;
  of(anew ? "name" : "id").focus();
}

async function preview() {
  const session = Object.fromEntries(["energy_kwh", "kw", "idle_min"].map((name) => [name, Number(of(name).value)]));
  const { ok, told } = await tell("POST", "/api/v1/price-preview", { prices: body(), ...session });
  shown.replaceChildren(ok ? receipt(told) : Object.assign(document.createElement("p"), { className: "bad foreign", textContent: told.detail }));
}

function receipt(told) {
  const table = Object.assign(document.createElement("table"), { className: "sheet" });
  const row = (cells, tag = "td") => {
    const line = document.createElement("tr");
    line.append(...cells.map((textContent) => Object.assign(document.createElement(tag), { textContent })));
    return line;
  };
  const [head, lines, foot] = ["thead", "tbody", "tfoot"].map((name) => document.createElement(name));
  head.append(row(["What", "Price", "Amount"], "th"));
  lines.append(...told.lines.map((one) => row([`${one.quantity} ${UNITS[one.unit]}`, one.price, one.amount])));
  foot.append(row([`Total in ${told.currency}, ${told.vat_percent} % VAT inside`, "", told.total]));
  table.append(head, lines, foot);
  return table;
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  await keep();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  if (!button) return;
  const row = button.closest(".fee");
  if (button.dataset.edit) await open(button.dataset.edit, true);
  else if (button.dataset.copy) await open(button.dataset.copy, false);
  else if (button.dataset.forget) await done(await tell("DELETE", button.dataset.forget, undefined, { headers: { "if-match": button.dataset.etag } }), "It is gone: who has plugged in already keeps its prices.");
  else if (button.id === "more") addFee().querySelector("input").focus();
  else if (button.id === "preview") await preview();
  else if (row && button.dataset.up !== undefined) {
    row.previousElementSibling?.before(row);
    button.focus();
  } else if (row && button.dataset.out !== undefined) {
    (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("[data-out]").focus();
    row.remove();
    if (!fees.children.length) document.getElementById("more").focus();
  }
});

form?.addEventListener("reset", () => {
  seen = null;
  shown.replaceChildren();
  fees.replaceChildren();
  addFee();
});
if (form) addFee();
keepFresh(FRESH_MS);
