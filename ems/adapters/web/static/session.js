// One session: corrections, and keys of meters that somebody vouches for.
import { tell } from "./tell.js";

const said = document.getElementById("said");

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const { correct, vouch } = form.dataset;
  if (correct === undefined && vouch === undefined) return;
  event.preventDefault();
  const body = correct === undefined ? { key: form.elements.key.value } : corrected(form.elements);
  const button = form.querySelector("button");
  button.disabled = true;
  const { ok, told } = await tell("POST", correct ?? vouch, body);
  button.disabled = false;
  if (ok) location.reload();
  else say(told.detail);
});

// Only what somebody changed is sent.
function corrected(fields) {
  const body = { reason: fields.reason.value };
  if (fields.energy_kwh.value !== "" && fields.energy_kwh.value !== fields.energy_kwh.dataset.was) body.energy_kwh = Number(fields.energy_kwh.value);
  for (const name of ["person", "vehicle", "cost_centre"]) {
    if (fields[name].value !== fields[name].dataset.was) body[name] = fields[name].value;
  }
  if (fields.void.checked !== (fields.void.dataset.was === "true")) body.void = fields.void.checked;
  return body;
}

function say(words) {
  said.textContent = words;
  said.dataset.tone = "bad";
  said.hidden = false;
  said.scrollIntoView({ block: "nearest" });
}
