// The forms of tags, groups and people: how each shows what was read, and what it says.
import { Description } from "./described.js";
import { local, zoned } from "./zoned.js";

const text = (form, name) => form.querySelector(`[name="${name}"]`).value.trim();
const number = (form, name) => (text(form, name) === "" ? null : Number(text(form, name)));
const isTicked = (form, name) => form.querySelector(`[name="${name}"]`).checked;
const boxes = (form, name) => [...form.querySelectorAll(`input[type=checkbox][name="${name}"]`)];
const ticked = (form, name) => boxes(form, name).filter((one) => one.checked).map((one) => one.value);
const lines = (form, name) => text(form, name).split(/[\n;]/).map((line) => line.trim()).filter(Boolean);

function put(form, row, names) {
  for (const name of names) form.querySelector(`[name="${name}"]`).value = row[name] ?? "";
}

// Ticks what is in the list. What the site has no more gets a box of its own, so that it can be taken away.
function tick(form, name, wanted) {
  const all = boxes(form, name);
  for (const one of all) one.checked = wanted.includes(one.value);
  for (const value of wanted.filter((other) => all.every((one) => one.value !== other))) {
    const [label, box, words] = ["label", "input", "span"].map((kind) => document.createElement(kind));
    label.className = "check";
    label.dataset.gone = "";
    Object.assign(box, { type: "checkbox", name, value, checked: true });
    words.className = "foreign";
    words.textContent = value;
    label.append(box, " ", words);
    form.querySelector(`.boxes[data-of="${name}"]`).prepend(label);
  }
}

function fillRule(form, row) {
  form.querySelector("[name=hours]").value = row.hours.join("\n");
  tick(form, "places", row.places);
  form.querySelector("[name=blocked]").checked = row.blocked;
}

const rule = (form) => ({ hours: lines(form, "hours"), places: ticked(form, "places"), blocked: isTicked(form, "blocked") });

const TIMES = ["valid_from", "valid_to"];

export function tagForm(form, renew) {
  const zone = form.dataset.zone;
  // What was read is sent back as it was: a local time that comes twice does not say which it is.
  let read = new Map();
  form.addEventListener("reset", () => { read = new Map(); });
  const moment = (name) => {
    const value = text(form, name);
    if (value === "") return null;
    return read.get(name)?.value === value ? read.get(name).at : zoned(value, zone);
  };
  return new Description(form, {
    renew,
    fill(row) {
      put(form, row, ["name", "person", "budget_kwh", "budget_cost", "priority", "at_once"]);
      form.querySelector("[name=budget_period]").value = row.budget_period ?? "month";
      for (const name of TIMES) {
        const one = form.querySelector(`[name=${name}]`);
        one.value = row[name] ? local(row[name], zone) : "";
        read.set(name, { at: row[name], value: one.value });
      }
      tick(form, "groups", row.groups);
      fillRule(form, row);
    },
    said: () => ({
      name: text(form, "name"),
      person: text(form, "person") || null,
      groups: ticked(form, "groups"),
      ...Object.fromEntries(TIMES.map((name) => [name, moment(name)])),
      ...Object.fromEntries(["budget_kwh", "priority"].map((name) => [name, number(form, name)])),
      budget_cost: text(form, "budget_cost") || null, // money is text: no digit of it is lost
      budget_period: text(form, "budget_period"),
      at_once: number(form, "at_once"),
      ...rule(form),
    }),
    worded: (name, value) => (TIMES.includes(name) && value ? local(value, zone).replace("T", " ") : undefined),
  });
}

export function groupForm(form, renew) {
  return new Description(form, {
    renew,
    fill(row) {
      put(form, row, ["name", "parent", "stop_tag"]);
      fillRule(form, row);
    },
    said: () => ({ name: text(form, "name"), parent: text(form, "parent") || null, stop_tag: text(form, "stop_tag"), ...rule(form) }),
  });
}

export function personForm(form, renew) {
  return new Description(form, {
    renew,
    fill(row) {
      put(form, row, ["name", "cost_centre"]);
      form.querySelector("[name=blocked]").checked = row.blocked;
    },
    said: () => ({ name: text(form, "name"), cost_centre: text(form, "cost_centre"), blocked: isTicked(form, "blocked") }),
  });
}
