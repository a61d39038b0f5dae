// A table that somebody hands in as a file. What was read of it is what is taken: of another file nothing was shown yet.
const texts = new WeakMap(); // by the form
const MOST_ROWS = 200;

// What is said of a file that can be read no more, as browsers refuse one that was saved again since it was chosen.
export const UNREADABLE = { ok: false, told: { detail: "the file was changed or moved since it was chosen; choose it again" } };

// The text of the file in a form, in the encodings that spreadsheets write; null when it cannot be read.
export async function readTable(form) {
  texts.delete(form);
  let bytes;
  try {
    bytes = new Uint8Array(await form.elements.file.files[0].arrayBuffer());
  } catch {
    return null;
  }
  texts.set(form, decoded(bytes));
  return texts.get(form);
}

// The text that was read and shown, to be handed in now; nothing when another file was chosen since. What was shown is
// no preview any more, and whoever works with the keyboard goes on beside it.
export function handIn(form) {
  const text = texts.get(form);
  forget(form);
  form.querySelector("button:not([data-take])").focus();
  return text;
}

// Under a heading what is to be said of a file, row by row, in the place below its form; `total` where not all was told.
export function showRows(form, heading, label, rows, total = rows.length) {
  const paragraph = (textContent) => Object.assign(document.createElement("p"), { textContent });
  const shown = rows.slice(0, MOST_ROWS);
  const list = document.createElement("ul");
  list.tabIndex = 0;
  list.setAttribute("aria-label", label);
  list.replaceChildren(...shown.map((textContent) => Object.assign(document.createElement("li"), { textContent, className: "foreign" })));
  const cut = shown.length < total ? [paragraph(`${shown.length} of ${total} rows are shown here.`)] : [];
  form.closest("details").querySelector(".preview").replaceChildren(paragraph(heading), ...cut, ...(shown.length ? [list] : []));
}

function forget(form) {
  texts.delete(form);
  form.querySelector("[data-take]").hidden = true;
  form.closest("details").querySelector(".preview").replaceChildren();
}

function decoded(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

document.addEventListener("change", ({ target }) => {
  if (target.type === "file" && target.form !== null) forget(target.form);
});
