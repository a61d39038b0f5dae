// The page of reports: a chart beside each table that says how it is drawn, and what is pressed is told to the interface.
import { say, tell } from "./tell.js";
import { zoned } from "./zoned.js";

const COLOURS = ["--ev", "--limit", "--idle"];
const MOST_BARS = 120;
const HEIGHT = 220;
const drawn = [];

// Labels and columns of numbers as they stand in the table.
function columnsOf(table) {
  const rows = [...table.tBodies[0].rows].slice(0, MOST_BARS);
  const ys = table.dataset.ys.split(",").map(Number);
  const labels = rows.map((row) => row.cells[Number(table.dataset.x)].textContent.trim());
  const names = ys.map((k) => table.tHead.rows[0].cells[k].textContent);
  const values = ys.map((k) => rows.map((row) => (row.cells[k].dataset.v === "" ? null : Number(row.cells[k].dataset.v))));
  return { labels, names, values };
}

function options(place, table, told) {
  const style = getComputedStyle(document.body);
  const colour = (token) => style.getPropertyValue(token).trim();
  const axis = { stroke: colour("--muted"), font: `12px ${style.fontFamily}`, grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const count = told.labels.length;
  const paths = uPlot.paths.bars({ size: told.values.length === 1 ? [0.7, 40] : [0.9, 30] });
  return {
    width: Math.max(240, Math.floor(place.clientWidth)),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [-0.6, count - 0.4] }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high * 1.05, 1)] } },
    axes: [
      { ...axis, splits: () => marks(count, place.clientWidth), values: (_, at) => at.map((k) => short(told.labels[k] ?? "")), grid: { show: false } },
      { ...axis, size: 56, label: table.dataset.unit, labelFont: axis.font, labelSize: 18 },
    ],
    series: [{}, ...told.values.map((_, k) => ({ label: told.names[k], stroke: colour(COLOURS[k]), fill: colour(COLOURS[k]), width: 0, paths, points: { show: false } }))],
  };
}

// So many labels as fit.
function marks(count, width) {
  const every = Math.max(1, Math.ceil((count * 84) / Math.max(240, width - 70)));
  return Array.from({ length: Math.ceil(count / every) }, (_, k) => k * every);
}

const DAY = /^(?:[A-Z][a-z]{2} )?\d{4}-(\d\d-\d\d(?: \d\d:\d\d)?)$/;
const short = (text) => DAY.exec(text)?.[1] ?? (text.length > 11 ? `${text.slice(0, 10)}…` : text);

// Several columns stand side by side: each has a place of its own between two labels.
function draw(place, table) {
  place.replaceChildren();
  place.hidden = false;
  const told = columnsOf(table);
  const n = told.values.length;
  const xs = told.labels.map((_, k) => k);
  if (n === 1) {
    new uPlot(options(place, table, told), [xs, told.values[0]], place);
    return;
  }
  const wide = xs.flatMap((k) => told.values.map((_, i) => k - 0.4 + (0.8 * (i + 0.5)) / n));
  const spread = told.values.map((column, i) => xs.flatMap((k) => told.values.map((_, other) => (other === i ? column[k] : null))));
  new uPlot(options(place, table, told), [wide, ...spread], place);
  place.append(legend(told.names));
}

function legend(names) {
  const words = document.createElement("p");
  words.className = "keys";
  names.forEach((name, k) => {
    const key = document.createElement("span");
    key.dataset.key = k;
    key.textContent = name;
    words.append(key);
  });
  return words;
}

if (globalThis.uPlot) {
  for (const place of document.querySelectorAll("[data-plot]")) {
    const table = document.querySelector(`#${CSS.escape(place.dataset.plot)} table[data-form]`);
    if (!table) continue;
    drawn.push([place, table]);
    draw(place, table);
  }
  const again = () => drawn.forEach(([place, table]) => draw(place, table));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let width = document.body.clientWidth;
  new ResizeObserver(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    again();
  }).observe(document.body);
}

const print = document.getElementById("print");
print.hidden = false;
print.addEventListener("click", () => globalThis.print());

document.getElementById("exclude")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const field = (name) => form.elements[name].value;
  const times = Object.fromEntries(["begins", "ends"].map((name) => [name, zoned(field(name), form.dataset.zone)]));
  const answer = await tell("POST", "/api/v1/excluded-times", { scope: field("scope"), cause: field("cause"), note: field("note"), ...times });
  if (answer.ok) location.reload();
  else say(answer);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[type=button]");
  if (button?.dataset.withdraw) {
    const answer = await tell("DELETE", `/api/v1/excluded-times/${button.dataset.withdraw}`);
    if (answer.ok) location.reload();
    else say(answer);
  } else if (button?.dataset.send) {
    button.disabled = true;
    const answer = await tell("POST", `/api/v1/scheduled-exports/${encodeURIComponent(button.dataset.send)}/send`, {}, { patience: 150_000 });
    button.disabled = false;
    const sent = answer.ok && answer.told.state === "delivered";
    say({ ok: sent, told: { detail: answer.told.detail ?? `Not delivered: ${answer.told.answer}` } }, `${button.dataset.send}: ${answer.told.answer}`);
  }
});
