// What somebody asks for: another strategy, or what a limit would do.
import { element } from "./plan-slot.js";
import { tell } from "./tell.js";

export function askForms(root, { answered, chosen }) {
  const both = root.getElementById("asking");
  if (both) both.hidden = false;
  const strategy = root.querySelector("#strategy form");
  strategy?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = root.querySelector("#strategy [role=status]");
    if (await send("/api/v1/strategy", { strategy: strategy.elements.strategy.value }, said, "It is in force now.")) chosen();
  });
  const supposed = root.querySelector("#what-if form");
  supposed?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = root.querySelector("#what-if [role=status]");
    const button = supposed.querySelector("button");
    button.disabled = true;
    const question = { limits: [limitOf(supposed.elements)] };
    const plan = await send("/api/v1/plan/what-if", question, said, "Shown in the chart. Nothing is steered by it.");
    button.disabled = false;
    if (!plan) return;
    root.querySelector("#what-if .outcome").replaceChildren(...outcome(plan.deficits));
    answered(plan);
  });
}

function outcome(deficits) {
  if (!deficits.length) return [element("li", "", "Every vehicle would be ready in time.")];
  // A vehicle may miss what is promised for a moment, and what it wants by its departure.
  const short = new Map();
  for (const { session, short_wh } of deficits) short.set(session, Math.max(short_wh, short.get(session) ?? 0));
  const missing = [...short.values()].reduce((sum, wh) => sum + wh, 0) / 1000;
  const who = short.size === 1 ? "1 vehicle" : `${short.size} vehicles`;
  const sum = element("li", "sum", `${who} would miss ${missing.toFixed(1)} kWh:`);
  return [sum, ...deficits.map((deficit) => element("li", "foreign", deficit.text))];
}

// Hours are counted by the clock of the site: that of this browser may be another.
function limitOf({ most, unit, since, hours }) {
  return { [unit.value]: Number(most.value), in_hours: Number(since.value), hours: Number(hours.value) };
}

// The answer as JSON; null when it was refused, and why stands in `said`.
async function send(url, question, said, thanks) {
  said.textContent = "Working …";
  const { ok, status, told } = await tell("POST", url, question);
  said.textContent = ok ? thanks : status ? `Refused: ${told.detail}` : told.detail;
  return ok ? told : null;
}
