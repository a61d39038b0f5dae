// The page of all stations: what is chosen stays chosen, a round is begun, and its progress shown.
import { keepFresh, refresh, send, sent } from "./station-ask.js";

const FRESH_MS = 5_000;
const PROGRESS_MS = 1_000;
const form = document.getElementById("round");
const every = document.getElementById("every");
const list = document.getElementById("list");
const chosen = new Set();

const boxes = () => [...list.querySelectorAll("input[name=station]")];

list.addEventListener("change", (event) => {
  const { value, checked } = event.target;
  if (checked) chosen.add(value);
  else chosen.delete(value);
  count();
});

list.addEventListener("renewed", () => {
  for (const box of boxes()) box.checked = chosen.has(box.value);
});

every?.addEventListener("change", () => {
  for (const box of boxes()) {
    box.checked = every.checked;
    if (every.checked) chosen.add(box.value);
    else chosen.delete(box.value);
  }
  count();
});

form?.elements.operation.addEventListener("change", showFields);
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { operation, kind, operative, message, insists } = form.elements;
  const bodies = {
    reset: { kind: kind.value },
    availability: { operative: operative.value === "true", when_back: true },
    trigger: { message: message.value },
  };
  const body = { ...(bodies[operation.value] ?? {}), insists: insists.checked };
  const stations = boxes().map((box) => box.value).filter((value) => chosen.has(value));
  const { status, told } = await send("POST", "/api/v1/rounds", { stations, operation: operation.value, body });
  document.getElementById("said").textContent = status === 200 ? "The round has begun." : told.detail;
  sent(status === 200);
  refresh();
});

document.addEventListener("click", async (event) => {
  const stop = event.target.closest("button[data-stop]");
  if (!stop) return;
  await send("POST", `/api/v1/rounds/${stop.dataset.stop}/stop`, {});
  refresh();
});

function count() {
  form.querySelector("#chosen").textContent = chosen.size;
  form.querySelector("button").disabled = chosen.size === 0;
}

function showFields() {
  for (const field of form.querySelectorAll("[data-for]")) field.hidden = field.dataset.for !== form.elements.operation.value;
}

if (form) showFields();
keepFresh(FRESH_MS);
setInterval(() => document.hidden || (document.querySelector(".round:not([data-over])") && refresh()), PROGRESS_MS);
