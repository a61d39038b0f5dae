// One slot of the plan: what flows, who charges with how much, and why.
import { nameOf } from "./plan-bands.js";
import { wholeAmps } from "./texts.js";

const MOST = 60;

export class PlanSlot {
  constructor(root, turn) {
    this.card = root.getElementById("slot");
    this.title = root.getElementById("slot-title");
    this.sums = this.card.querySelector(".sums");
    this.who = this.card.querySelector(".who");
    this.buttons = [...this.card.querySelectorAll("button[data-by]")];
    for (const button of this.buttons) button.addEventListener("click", () => turn(Number(button.dataset.by)));
  }

  hide() {
    this.card.hidden = true;
  }

  show(plan, step, title, bands) {
    this.card.hidden = false;
    this.title.textContent = title;
    this.buttons[0].disabled = step === 0;
    this.buttons[1].disabled = step === plan.edges.length - 2;
    const sums = [
      ["Grid", plan.grid_w, plan.limit_w[step] == null ? "" : ` of ${kilowatts(plan.limit_w[step])}`],
      ["Vehicles", plan.vehicles_w, ""],
      ["Other load", plan.base_w, ""],
      ["PV", plan.generation_w.some((watts) => watts > 0) ? plan.generation_w : [], ""],
      ["Battery", plan.battery_w.some((watts) => watts !== 0) ? plan.battery_w : [], ""],
    ].filter(([, series]) => series.length).map(([name, series, of]) => pair(name, kilowatts(series[step]) + of));
    if (plan.price_per_kwh.length) sums.push(pair("Price", `${signed(plan.price_per_kwh[step], 3)} ${plan.site.currency}/kWh`));
    this.sums.replaceChildren(...sums);
    const colors = new Map(bands.flatMap((band) => band.charges.map((charge) => [charge, band.key])));
    const begins = plan.edges[step];
    const there = plan.charges
      .filter((charge) => charge.amps[step] > 0 || (!charge.expected && (charge.departure === null || charge.departure > begins)))
      .sort((a, b) => b.amps[step] * b.watts_per_a - a.amps[step] * a.watts_per_a);
    const lines = there.slice(0, MOST).map((charge) => line(charge, step, colors.get(charge)));
    if (there.length > MOST) lines.push(element("li", "more", `and ${there.length - MOST} more`));
    if (!there.length) lines.push(element("li", "more", "No vehicle is there."));
    this.who.replaceChildren(...lines);
  }
}

function line(charge, step, key) {
  const item = element("li", charge.amps[step] > 0 ? "" : "paused");
  const name = element("b", "foreign", nameOf(charge));
  const watts = charge.amps[step] * charge.watts_per_a;
  const flow = element("span", "flow", charge.amps[step] > 0 ? `${wholeAmps(charge.amps[step])} · ${kilowatts(watts)}` : "pauses");
  item.append(element("span", `key ${key}`), name, flow);
  const why = charge.why.findLast((entry) => entry.since <= step)?.text;
  if (charge.expected) item.append(element("small", "", "expected, not there yet"));
  if (why) item.append(element("span", "why foreign", why));
  return item;
}

function pair(name, value) {
  const group = document.createElement("div");
  group.append(element("dt", "", name), element("dd", "", value));
  return group;
}

export function element(kind, classes, text = "") {
  const made = document.createElement(kind);
  if (classes) made.className = classes;
  made.textContent = text;
  return made;
}

const signed = (value, digits) => value.toFixed(digits).replace("-", "−");
const kilowatts = (watts) => (watts === null ? "–" : `${signed(watts / 1000, 1)} kW`);
