// The page of one EVSE: what it does now comes with the event stream, and the chart from what was recorded.
import "./station.js";
import { Calendar, amps, ofEvse } from "./texts.js";
import { listen } from "./stream.js";

const CHART_EVERY_MS = 60_000;
const about = document.getElementById("about");
const { evse, zone } = about.dataset;
const now = document.getElementById("now");
const places = new Map([...now.querySelectorAll("[data-f]")].map((place) => [place.dataset.f, place]));

listen("/api/v1/events", {
  picture(picture) {
    const row = picture.evses.find((one) => one.id === evse);
    if (row === undefined) return;
    const texts = ofEvse(row, new Calendar(picture.site.timezone, picture.at));
    for (const [name, place] of places) {
      if (name in texts && place.textContent !== texts[name]) place.textContent = texts[name];
    }
    if (row.session?.vehicle) places.get("vehicle").textContent = row.session.vehicle;
    now.dataset.group = texts.group;
    now.querySelector("use").setAttribute("href", texts.icon);
  },
  link(state) {
    document.body.dataset.link = state;
  },
});

const place = document.getElementById("chart");
const hours = document.getElementById("hours");
const words = document.getElementById("chart-words");
let plot = null;
let told = null;

async function ask() {
  try {
    const answer = await fetch(`/api/v1/evses/${evse.split("/").map(encodeURIComponent).join("/")}/course?hours=${hours.value}`, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    told = await answer.json();
    draw();
  } catch {
    words.textContent = "What was recorded could not be read; it will be tried again.";
  }
}

function draw() {
  if (told === null) return;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(hours.value > 24 ? { weekday: "short" } : {}) });
  const peak = told.measured_a.reduce((best, value, k) => (value !== null && (best < 0 || value > told.measured_a[best]) ? k : best), -1);
  words.textContent = peak < 0 ? "Nothing was measured in this time." : `Highest current ${amps(told.measured_a[peak])} between ${clock.format(new Date(told.at[peak] * 1000))} and ${clock.format(new Date((told.at[peak] + told.step_s) * 1000))}; offered then: ${amps(told.offered_a[peak])}.`;
  if (!globalThis.uPlot) return;
  const style = getComputedStyle(document.body);
  const color = (token) => style.getPropertyValue(token).trim();
  const axis = { stroke: color("--muted"), font: `12px ${style.fontFamily}`, grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
  const stepped = uPlot.paths.stepped({ align: 1 });
  plot?.destroy();
  plot = new uPlot({
    width: Math.max(240, Math.floor(place.clientWidth)),
    height: 240,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, low, high) => [0, Math.max(10, high * 1.08)] } },
    axes: [{ ...axis, values: (_, marks) => marks.map((seconds) => clock.format(new Date(seconds * 1000))), space: hours.value > 24 ? 90 : 60 }, { ...axis, size: 44 }],
    series: [
      {},
      { label: "measured", fill: color("--ev-soft"), stroke: color("--ev"), width: 1, paths: stepped, points: { show: false } },
      { label: "offered", stroke: color("--limit"), width: 2, dash: [6, 4], paths: stepped, points: { show: false } },
    ],
  }, [told.at, told.measured_a, told.offered_a], place);
}

hours.addEventListener("change", ask);
new ResizeObserver(() => plot !== null && plot.width !== Math.floor(place.clientWidth) && draw()).observe(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
setInterval(() => document.hidden || ask(), CHART_EVERY_MS);
ask();
