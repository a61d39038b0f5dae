// What a meter said in its test, as a table per phase and one of every register.
const PHASES = ["L1", "L2", "L3"];

export function shown(test) {
  const parts = [];
  if (test.trouble) parts.push(text("p", test.trouble, "bad"));
  else parts.push(text("p", `It answers within ${test.seconds} s${test.total_w === null ? "" : `: ${kilo(test.total_w)} kW in all`}${test.soc_percent === null ? "" : `, charged to ${test.soc_percent} %`}${test.import_wh === null ? "" : `, ${kilo(test.import_wh)} kWh imported`}.`, "good"));
  if (test.amps.length) {
    const rows = PHASES.map((phase, k) => [phase, unit(test.volts[k], "V"), unit(test.amps[k], "A"), unit(test.watts[k], "W")]);
    parts.push(table(["Phase", "Voltage", "Current", "Power"], rows, "What it measures on each phase of the site"));
  }
  for (const hint of test.hints) parts.push(text("p", hint, "wait"));
  if (test.rows.length) {
    const all = document.createElement("details");
    all.append(text("summary", "Every register"));
    const rows = test.rows.map((row) => [row.name, row.register, row.type, row.raw, row.value]);
    all.append(table(["Value", "Register", "Type", "Raw", "Decoded"], rows, "Every register"));
    parts.push(all);
  }
  return parts;
}

const unit = (value, sign) => (value === null || value === undefined ? "–" : `${String(value).replace("-", "−")} ${sign}`);
const kilo = (value) => (value / 1000).toFixed(2).replace("-", "−");

function text(tag, words, tone = "") {
  const made = document.createElement(tag);
  made.textContent = words;
  if (tone) made.className = tone;
  return made;
}

function table(heads, rows, label) {
  const around = document.createElement("div");
  around.className = "scroll";
  around.tabIndex = 0;
  around.setAttribute("role", "region");
  around.setAttribute("aria-label", label);
  const made = document.createElement("table");
  made.className = "tree";
  const line = (cells, tag) => {
    const row = document.createElement("tr");
    row.append(...cells.map((cell, k) => text(k === 0 ? "th" : tag, cell)));
    return row;
  };
  made.createTHead().append(line(heads, "th"));
  made.createTBody().append(...rows.map((row) => line(row, "td")));
  around.append(made);
  return around;
}
