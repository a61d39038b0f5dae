// What the fields of a form say, and how they are filled.
const named = (form, name) => form.querySelector(`[name="${name}"]`);
const boxes = (form, name) => [...form.querySelectorAll(`input[type=checkbox][name="${name}"]`)];

export const text = (form, name) => named(form, name).value.trim();
export const number = (form, name) => (text(form, name) === "" ? null : Number(text(form, name)));
export const isTicked = (form, name) => named(form, name).checked;
export const ticked = (form, name) => boxes(form, name).filter((one) => one.checked).map((one) => one.value);
export const parts = (words) => words.split(/[\n;]/).map((one) => one.trim()).filter(Boolean);

export function put(form, row, names) {
  for (const name of names) named(form, name).value = row[name] ?? "";
}

// Ticks what is in the list. What the site has no more gets a box of its own, so that it can be taken away.
export function tick(form, name, wanted) {
  const all = boxes(form, name);
  for (const one of all) one.checked = wanted.includes(one.value);
  for (const value of wanted.filter((other) => all.every((one) => one.value !== other))) {
    const [label, box, words] = ["label", "input", "span"].map((kind) => document.createElement(kind));
    label.className = "check";
    label.dataset.gone = "";
    Object.assign(box, { type: "checkbox", name, value, checked: true });
    words.className = "foreign";
    words.textContent = value;
    label.append(box, " ", words);
    form.querySelector(`.boxes[data-of="${name}"]`).prepend(label);
  }
}
