// The last hours of one circuit and phase: what flowed, how much of it went into vehicles, and the limit.
import { amps, wholeAmps } from "./texts.js";

const REFRESH_S = 15;

export class Chart {
  constructor(root, zone) {
    this.zone = zone;
    this.place = root.getElementById("chart");
    this.words = root.getElementById("chart-words");
    this.circuit = root.getElementById("chart-circuit");
    this.phase = root.getElementById("chart-phase");
    this.hours = root.getElementById("chart-hours");
    this.plot = null;
    this.told = null;
    this.asked = 0;
    this.circuit.addEventListener("change", () => this.ask());
    this.chosen = false;
    this.hours.addEventListener("change", () => {
      this.chosen = true;
      this.ask();
    });
    this.phase.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.fit()).observe(this.place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.ask();
  }

  // A new picture: once in a while the past is worth asking for again.
  noticed() {
    if (performance.now() - this.asked > REFRESH_S * 1000) this.ask();
  }

  async ask() {
    this.asked = performance.now();
    const query = new URLSearchParams({ hours: this.hours.value, circuit: this.circuit.value });
    try {
      const answer = await fetch(`/api/v1/history?${query}`, { signal: AbortSignal.timeout(10_000) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const told = await answer.json();
      if (told.circuits[0].id !== this.circuit.value) return;
      this.told = told;
      if (!this.chosen && this.narrow()) return;
      this.draw();
    } catch {
      this.words.textContent = "The history could not be read; it will be tried again.";
    }
  }

  // Before anybody has chosen: the shortest time that shows all there is. True when that is another one, and was asked for.
  narrow() {
    const row = this.told.circuits[0];
    const lines = [...Object.values(row.measured_a), ...Object.values(row.drawn_a)];
    const first = this.told.at.findIndex((_, k) => lines.some((line) => line[k] !== null));
    if (first < 0) return false;
    const hours = (this.told.at.at(-1) - this.told.at[first]) / 3600;
    const fits = [...this.hours.options].find((option) => Number(option.value) > hours && Number(option.value) <= 4);
    if (fits === undefined || fits.value === this.hours.value) return false;
    this.hours.value = fits.value;
    this.ask();
    return true;
  }

  draw() {
    if (this.told === null) return;
    const row = this.told.circuits[0];
    for (const option of this.phase.options) option.disabled = !(option.value in row.limit_a);
    if (this.phase.selectedOptions[0]?.disabled) this.phase.value = Object.keys(row.limit_a)[0];
    const name = this.phase.value;
    const [measured, drawn, limit] = [row.measured_a[name], row.drawn_a[name], row.limit_a[name]];
    this.describe(name, measured, drawn, limit);
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), [this.told.at, drawn, measured, limit], this.place);
  }

  options() {
    const style = getComputedStyle(document.body);
    const color = (token) => style.getPropertyValue(token).trim();
    const font = `12px ${style.fontFamily}`;
    const axis = { stroke: color("--muted"), font, grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
    return {
      width: this.width(),
      height: 240,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.zone),
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(10, high * 1.08)] } },
      axes: [
        { ...axis, values: (_, marks) => marks.map((seconds) => this.clock.format(new Date(seconds * 1000))), space: 60 },
        { ...axis, size: 44, values: (_, marks) => marks.map((value) => `${value}`) },
      ],
      series: [
        {},
        { label: "vehicles", fill: color("--ev-soft"), stroke: color("--ev"), width: 1, points: { show: false } },
        { label: "measured", stroke: color("--ink"), width: 2, points: { show: false } },
        { label: "limit", stroke: color("--limit"), width: 2, dash: [6, 4], paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
      ],
    };
  }

  describe(name, measured, drawn, limit) {
    const flowing = measured.some((value) => value !== null) ? measured : drawn;
    let peak = -1;
    flowing.forEach((value, k) => {
      if (value !== null && (peak < 0 || value > flowing[peak])) peak = k;
    });
    if (peak < 0) {
      this.words.textContent = "Nothing has been recorded yet.";
      return;
    }
    const what = flowing === measured ? "Highest current" : "Highest current of the vehicles (no meter here)";
    const at = this.clock.format(new Date(this.told.at[peak] * 1000));
    const share = drawn[peak] === null || flowing === drawn ? "" : `, ${amps(drawn[peak])} of it vehicles`;
    this.words.textContent = `${what} on ${name}: ${amps(flowing[peak])} at ${at}${share}; the limit was ${wholeAmps(limit[peak])}.`;
  }

  width() {
    return Math.max(240, Math.floor(this.place.clientWidth));
  }

  fit() {
    if (this.plot !== null && this.plot.width !== this.width()) this.plot.setSize({ width: this.width(), height: 240 });
  }
}
