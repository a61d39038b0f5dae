// The page of price lists: what is written is told to the interface, which says no with words.
import { Description, sayTicked } from "./described.js";
import { parts, put, text, tick, ticked } from "./fields.js";
import { keepFresh, refresh, sent } from "./station-ask.js";
import { say, tell } from "./tell.js";

const FRESH_MS = 10_000;
const UNITS = { kwh: "kWh", minute: "min", "idle-minute": "min idle", session: "session" };
const AMOUNTS = ["hold", "idle_at_most"];
const DAYS = ["valid_from", "valid_until"];
const form = document.getElementById("list");
const fees = document.getElementById("fees");
const shown = document.getElementById("shown");

// Half of the world writes a comma where prices have a point.
const amount = (words) => words.trim().replace(/^(\d+),(\d+)$/, "$1.$2");
const typed = () => form.dispatchEvent(new Event("input", { bubbles: true }));

function addFee(fee = {}) {
  const row = document.getElementById("fee").content.cloneNode(true).firstElementChild;
  for (const field of row.querySelectorAll("[data-of]")) {
    const told = fee[field.dataset.of];
    if (told !== undefined) field.value = Array.isArray(told) ? told.join("; ") : told;
  }
  fees.append(row);
  return row;
}

function feeOf(row) {
  const { price, unit, when, seasons } = Object.fromEntries([...row.querySelectorAll("[data-of]")].map((one) => [one.dataset.of, one.value]));
  return { unit, price: amount(price), when: parts(when), seasons: parts(seasons) };
}

function fill(row) {
  fees.replaceChildren();
  for (const fee of row.fees) addFee(fee);
  put(form, row, ["name", "vat_percent", "idle_grace_min", ...AMOUNTS, ...DAYS]);
  for (const name of ["evses", "groups"]) tick(form, name, row[name]);
}

const said = () => ({
  name: text(form, "name"),
  fees: [...fees.children].map(feeOf),
  vat_percent: amount(text(form, "vat_percent")) || "0",
  idle_grace_min: Number(text(form, "idle_grace_min") || 0),
  evses: ticked(form, "evses"),
  groups: ticked(form, "groups"),
  ...Object.fromEntries(AMOUNTS.map((name) => [name, amount(text(form, name)) || null])),
  ...Object.fromEntries(DAYS.map((name) => [name, text(form, name) || null])),
});

function worded(name, value) {
  const inWords = (fee) => [`${fee.price} per ${UNITS[fee.unit]}`, ...fee.when, ...fee.seasons].join(" ");
  return name === "fees" ? value.map(inWords).join(", ") || "none" : undefined;
}

// Who may only look has no form.
const list = form && new Description(form, { fill, said, worded, renew: refresh });

async function preview() {
  const session = Object.fromEntries(["energy_kwh", "kw", "idle_min"].map((name) => [name, Number(text(form, name))]));
  const { ok, told } = await tell("POST", "/api/v1/price-preview", { prices: said(), ...session });
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

async function remove(button) {
  const answer = await tell("DELETE", button.dataset.forget, undefined, { headers: { "if-match": button.dataset.etag } });
  say(answer, "It is gone: who has plugged in already keeps its prices.");
  sent(answer.ok);
  await refresh();
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  await list.keep();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  if (!button) return;
  const row = button.closest(".fee");
  if (button.dataset.edit) await list.edit(button.dataset.edit);
  else if (button.dataset.copy) await list.copy(button.dataset.copy);
  else if (button.dataset.forget) await remove(button);
  else if (button.id === "more") addFee().querySelector("input").focus();
  else if (button.id === "preview") await preview();
  else if (row && button.dataset.up !== undefined) {
    row.previousElementSibling?.before(row);
    button.focus();
    typed();
  } else if (row && button.dataset.out !== undefined) {
    (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("[data-out]").focus();
    row.remove();
    if (!fees.children.length) document.getElementById("more").focus();
    typed();
  }
});

form?.addEventListener("reset", () => {
  shown.replaceChildren();
  fees.replaceChildren();
  addFee();
});
if (form) addFee();
document.getElementById("list-groups")?.addEventListener("renewed", () => sayTicked(form));
keepFresh(FRESH_MS);
