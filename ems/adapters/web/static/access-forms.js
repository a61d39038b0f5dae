// The forms of tags, groups and people: how each shows what was read, and what it says.
import { Description } from "./described.js";
import { isTicked, number, parts, put, text, tick, ticked } from "./fields.js";
import { local, zoned } from "./zoned.js";

function fillRule(form, row) {
  form.querySelector("[name=hours]").value = row.hours.join("\n");
  tick(form, "places", row.places);
  form.querySelector("[name=blocked]").checked = row.blocked;
}

const rule = (form) => ({ hours: parts(text(form, "hours")), places: ticked(form, "places"), blocked: isTicked(form, "blocked") });

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
