// The plan as it can be looked at: the chart, the prices below it, and the slot that somebody chose.
import { PlanChart } from "./plan-chart.js";
import { PlanSlot } from "./plan-slot.js";
import { PlanBands } from "./plan-bands.js";
import { Calendar } from "./texts.js";

export class PlanView {
  constructor(root, zone, back) {
    this.zone = zone;
    this.place = root.getElementById("chart");
    this.words = root.getElementById("chart-words");
    this.supposed = root.getElementById("supposed");
    this.chart = new PlanChart(root, zone, (seconds) => this.turn(this.stepAt(seconds)));
    this.slot = new PlanSlot(root, (by) => this.turn(this.step + by));
    this.plan = null;
    this.step = -1;
    this.isChosen = false;
    this.now = 0;
    this.supposed.querySelector("button").addEventListener("click", back);
    this.place.addEventListener("keydown", (event) => this.key(event));
  }

  show(plan, past) {
    const kept = this.isChosen && this.step >= 0 ? this.edges[this.step] : null;
    this.plan = plan;
    this.edges = plan.edges.map((edge) => Date.parse(edge) / 1000);
    this.now = Date.parse(plan.at) / 1000;
    this.supposed.hidden = plan.supposed === "";
    this.supposed.firstElementChild.textContent = plan.supposed === "" ? "" : `What if: ${plan.supposed}. Nothing is steered by this.`;
    if (!this.edges.length) {
      this.step = -1;
      this.slot.hide();
      return;
    }
    this.bands = PlanBands.of(plan);
    this.chart.show(plan, this.edges, this.bands, past, this.now);
    this.words.textContent = this.summary();
    this.place.setAttribute("aria-valuemax", String(this.edges.length - 2));
    this.choose(this.stepAt(kept ?? this.now));
  }

  // Time goes on.
  at(now) {
    if (this.plan === null || !this.edges.length || now - this.now < 30) return;
    this.now = now;
    this.chart.at(now);
    if (!this.isChosen) this.choose(this.stepAt(now));
  }

  // Somebody wants to see this slot; until then it is that of the present.
  turn(step) {
    this.isChosen = true;
    this.choose(step);
  }

  stepAt(seconds) {
    const step = this.edges.findLastIndex((edge) => edge <= seconds);
    return Math.min(Math.max(step, 0), this.edges.length - 2);
  }

  choose(step) {
    this.step = Math.min(Math.max(step, 0), this.edges.length - 2);
    const title = this.span(this.step);
    this.place.setAttribute("aria-valuenow", String(this.step));
    this.place.setAttribute("aria-valuetext", title);
    this.chart.mark(this.step);
    this.slot.show(this.plan, this.step, title, this.bands);
  }

  // The time of a step; the day is said once.
  span(step) {
    const calendar = new Calendar(this.zone, this.now * 1000);
    const [first, last] = [this.edges[step], this.edges[step + 1]].map((edge) => calendar.moment(edge * 1000));
    const day = first.slice(0, -5);
    return `${first}–${last.startsWith(day) ? last.slice(day.length) : last}`;
  }

  key(event) {
    const to = { ArrowLeft: this.step - 1, ArrowDown: this.step - 1, ArrowRight: this.step + 1, ArrowUp: this.step + 1,
      PageDown: this.step - 6, PageUp: this.step + 6, Home: 0, End: Infinity }[event.key];
    if (to === undefined || this.plan === null || !this.edges.length) return;
    event.preventDefault();
    this.turn(to);
  }

  summary() {
    const calendar = new Calendar(this.zone, this.now * 1000);
    const flows = this.plan.grid_w;
    const peak = flows.indexOf(Math.max(...flows));
    const limit = this.plan.limit_w[peak] ?? null;
    const of = limit === null ? "" : ` of ${(limit / 1000).toFixed(1)} kW`;
    return `Planned to be highest at ${calendar.moment(this.edges[peak] * 1000)}: ${(flows[peak] / 1000).toFixed(1)}${of || " kW"}. `
      + "Choose a slot to see who charges then, and why.";
  }
}
