// What somebody asks for: another strategy, or what a limit would do.
import { element } from "./plan-slot.js";

const PATIENCE_MS = 60_000;

export function askForms(root, { answered, chosen }) {
  const strategy = root.getElementById("strategy");
  if (strategy) {
    strategy.hidden = false;
    strategy.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = strategy.querySelector("[role=status]");
      send("/api/v1/strategy", { strategy: strategy.elements.strategy.value }, said, "Chosen.").then((answer) => answer && chosen());
    });
  }
  const card = root.getElementById("what-if");
  if (card) {
    card.hidden = false;
    const form = card.querySelector("form");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = card.querySelector("[role=status]");
      form.querySelector("button").disabled = true;
      const plan = await send("/api/v1/plan/what-if", { limits: [limitOf(form.elements)] }, said, "Nothing is steered by this answer.");
      form.querySelector("button").disabled = false;
      if (!plan) return;
      const lines = plan.deficits.map((deficit) => element("li", "foreign", deficit.text));
      if (!lines.length) lines.push(element("li", "", "Every vehicle would be ready in time."));
      card.querySelector(".outcome").replaceChildren(...lines);
      answered(plan);
    });
  }
}

function limitOf({ most, unit, since, hours }) {
  const starts = Date.now() + Number(since.value) * 3_600_000;
  const ends = starts + Number(hours.value) * 3_600_000;
  const value = Number(most.value) * (unit.value === "max_w" ? 1000 : 1);
  return { [unit.value]: value, starts: new Date(starts).toISOString(), ends: new Date(ends).toISOString() };
}

// The answer as JSON; null when it was refused, and why stands in `said`.
async function send(url, question, said, thanks) {
  said.textContent = "Working …";
  try {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(question), signal: AbortSignal.timeout(PATIENCE_MS) });
    const told = answer.status === 204 ? {} : await answer.json();
    said.textContent = answer.ok ? thanks : `Refused: ${told.detail}`;
    return answer.ok ? told : null;
  } catch {
    said.textContent = "The controller did not answer; try it again.";
    return null;
  }
}
