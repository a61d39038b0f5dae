// The list of sessions: what is left empty is not sent, so that an address says only what was asked; the columns that
// somebody chose stay chosen in this browser.
const KEY = "ems-session-columns";
const form = document.getElementById("filter");
const boxes = () => [...form.querySelectorAll("input[name=column]")];

form.addEventListener("submit", () => {
  const chosen = boxes().filter((box) => box.checked).map((box) => box.value);
  localStorage.setItem(KEY, JSON.stringify(chosen));
  for (const field of form.elements) {
    if (field.name && field.value === "") field.disabled = true;
  }
});

// Back from another page the fields are there again.
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});

const kept = remembered();
if (kept !== null && !new URLSearchParams(location.search).has("column")) {
  const address = new URLSearchParams(location.search);
  for (const name of kept) address.append("column", name);
  const shown = boxes().filter((box) => box.checked).map((box) => box.value);
  if (shown.join() !== boxes().map((box) => box.value).filter((name) => kept.includes(name)).join()) location.replace(`?${address}`);
}

function remembered() {
  try {
    const told = JSON.parse(localStorage.getItem(KEY));
    const known = new Set(boxes().map((box) => box.value));
    const chosen = Array.isArray(told) ? told.filter((name) => known.has(name)) : [];
    return chosen.length > 0 ? chosen : null;
  } catch {
    return null;
  }
}
