// A form in which something is added, or changed as it was read. What is refused is said beside it, and what was typed
// stays; of two who change the same the second is asked what is to count.
import { sent } from "./station-ask.js";
import { say, tell } from "./tell.js";

// What rows tell besides what people said; the same in described.py.
const BESIDE = new Set(["tags", "spent_kwh", "spent_cost"]);

const field = (form, name) => form.querySelector(`[name="${CSS.escape(name)}"]`);

// What the page calls a field.
function title(form, name) {
  const one = field(form, name);
  const words = one?.closest("fieldset")?.querySelector("legend") ?? one?.labels?.[0];
  const text = [...(words?.childNodes ?? [])].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()).join(" ").trim();
  return text || name;
}

function worded(value) {
  if (value === null || value === "" || value?.length === 0) return "empty";
  if (value === true || value === false) return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

// Says which of its boxes are ticked, as those further down are out of sight.
export function sayTicked(form) {
  for (const words of form.querySelectorAll("[data-ticked]")) {
    const ticked = [...words.closest("fieldset").querySelectorAll("input:checked")].map((one) => one.closest("label").textContent.trim());
    words.textContent = ticked.join("; ") || words.dataset.ticked;
  }
}

export class Description {
  // `fill(row)` shows what was read, `said()` is what the form says, `worded(name, value)` a value in words where it is no
  // plain one; `renew` takes over the page as it is then.
  constructor(form, { fill, said, worded: own = (_, value) => worded(value), renew }) {
    Object.assign(this, { form, fill, said, own, renew });
    this.seen = null; // {id, etag, row} as it was read; nothing: it is a new one
    this.isTyped = this.isBusy = false;
    this.about = form.querySelector("[data-about]");
    this.new = this.about.textContent;
    this.refusal = form.querySelector(".refusal");
    form.addEventListener("input", (event) => {
      this.isTyped = true;
      event.target.removeAttribute("aria-invalid");
      sayTicked(form);
    });
    form.addEventListener("reset", () => {
      this.begin(null);
      queueMicrotask(() => sayTicked(form)); // it is empty only afterwards
    });
    form.addEventListener("click", (event) => {
      if (event.target.closest("[data-mine]")) this.mine();
      else if (event.target.closest("[data-theirs]")) this.show(this.latest);
    });
  }

  get id() {
    return field(this.form, "id");
  }

  url(id) {
    return this.form.dataset.put + encodeURIComponent(id);
  }

  begin(seen) {
    this.seen = seen;
    this.isTyped = false;
    this.id.readOnly = seen !== null;
    this.about.textContent = seen === null ? this.new : `${seen.id} as it is now. Clear the form to add another.`;
    this.refusal.hidden = true;
    for (const one of this.form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    for (const one of this.form.querySelectorAll("[data-gone]")) one.remove();
  }

  // Opens the form; whether nothing is in it that was typed and not kept.
  open(id) {
    this.form.closest("details").open = true;
    const isFree = !this.isTyped || (this.seen?.id ?? "") === id;
    if (!isFree) this.refuse(`What is typed here${this.seen ? ` about ${this.seen.id}` : ""} is not kept yet: keep it, or clear it, before another.`);
    this.form.scrollIntoView({ block: "nearest" });
    (id || !isFree ? field(this.form, "name") : this.id).focus();
    return isFree;
  }

  // Opens it for one more.
  add() {
    if (this.open("") && this.seen) this.form.reset();
    if (!this.seen) this.id.focus();
  }

  // Opens it for one that is there.
  async edit(id) {
    if (this.isTyped) {
      this.open(id);
      return;
    }
    const read = await this.read(id);
    if (!read.ok) say(read);
    else if (this.open(id)) this.show(read.seen);
  }

  // Opens it for one more that begins as another is.
  async copy(id) {
    if (this.isTyped) {
      this.open(id);
      return;
    }
    const read = await this.read(id);
    if (!read.ok) {
      say(read);
      return;
    }
    this.open("");
    this.form.reset();
    this.fill(read.told);
    this.form.dispatchEvent(new Event("input", { bubbles: true }));
    this.id.focus();
  }

  async read(id) {
    const { etag, ...answer } = await tell("GET", this.url(id));
    return { ...answer, seen: { id: answer.told.id, etag, row: answer.told } };
  }

  show(seen) {
    this.form.reset();
    this.begin(seen);
    this.id.value = seen.row.id;
    this.fill(seen.row);
    // As if somebody had typed it: the renewal of a part keeps what is, and not what only stands there.
    this.form.dispatchEvent(new Event("input", { bubbles: true }));
    this.isTyped = false;
    for (const one of this.form.querySelectorAll("details.further")) one.open = [...one.querySelectorAll("input, textarea")].some(isSaid);
    field(this.form, "name").focus();
  }

  async keep() {
    if (this.isBusy) return;
    this.isBusy = true;
    const id = this.id.value.trim();
    const headers = this.seen ? { "if-match": this.seen.etag } : { "if-none-match": "*" };
    const answer = await tell("PUT", this.url(id), this.said(), { headers });
    this.isBusy = false;
    if (answer.ok) {
      this.form.reset(); // at once: by the time the page is fresh, somebody may have begun the next one
      say(answer, `${id} is kept.`);
    } else if (answer.status === 412 && this.seen) {
      await this.overtaken();
    } else {
      this.refuse(answer.told.detail);
    }
    sent(answer.ok);
    await this.renew();
  }

  // Somebody else was first: says what they changed, and offers both.
  async overtaken() {
    const { id, row: before } = this.seen;
    const read = await this.read(id);
    if (read.ok) {
      this.latest = read.seen;
      const row = read.told;
      const changed = Object.keys(row).filter((name) => !BESIDE.has(name) && JSON.stringify(row[name]) !== JSON.stringify(before[name]));
      const told = changed.map((name) => `${title(this.form, name)} is now ${this.own(name, row[name]) ?? worded(row[name])}`);
      this.refuse(`Somebody has changed ${id} meanwhile: ${told.join("; ")}. Nothing of yours is kept yet.`, true);
    } else if (read.status === 404) {
      this.seen = null;
      this.refuse(`Somebody has removed ${id} meanwhile. Press Keep once more to add it anew.`);
    } else {
      this.refuse(read.told.detail);
    }
  }

  async mine() {
    this.seen = this.latest;
    this.form.querySelector("button:not([type])").focus(); // the one that was pressed goes
    await this.keep();
  }

  // Says beside the form why nothing was kept, in the words of the page, and marks what it is about.
  refuse(text, asks = false) {
    const named = new Set(text.match(/\b[a-z]+(_[a-z]+)+\b|^[a-z]+(?=[.:])/g) ?? []);
    let first = null;
    for (const name of named) {
      const one = field(this.form, name);
      if (!one) continue;
      one.setAttribute("aria-invalid", "true");
      if (one.closest("details.further")) one.closest("details.further").open = true;
      first ??= one;
    }
    const words = text.replace(/\b[a-z]+(_[a-z]+)+\b/g, (name) => `"${title(this.form, name)}"`);
    this.refusal.hidden = false;
    this.refusal.querySelector("p").textContent = words;
    this.refusal.querySelector(".buttons").hidden = !asks;
    this.refusal.scrollIntoView({ block: "nearest" });
  }
}

function isSaid(one) {
  return one.type === "checkbox" ? one.checked : one.value !== one.defaultValue;
}
