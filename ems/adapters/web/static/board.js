// Everything on the page but the chart. Nodes are found once and changed only where their text changes.
import { CONDITIONS, GROUPS, MODES } from "./words.js";
import {
  Calendar, ofAlarm, ofBattery, ofCircuit, ofEvse, ofKnock, ofMeter, ofPhase, ofSite, ofStation,
} from "./texts.js";

const SHAPES = {
  ".b-other": (p) => ({ width: p.other }),
  ".b-ev": (p) => ({ x: p.other, width: p.ev }),
  ".b-limit": (p) => ({ x1: p.limit, x2: p.limit }),
  ".b-rating": (p) => ({ x1: p.rating, x2: p.rating }),
  ".track": (p) => ({ width: p.rating }),
};

const LINKS = { wait: "connecting", live: "live", lost: "stale" };

// A part of the page whose texts stand in elements marked data-f.
class Part {
  constructor(element) {
    this.element = element;
    this.places = new Map();
    for (const place of element.querySelectorAll("[data-f]")) {
      if (place.closest("[data-id]") === element || element.dataset.id === undefined) this.places.set(place.dataset.f, place);
    }
  }

  say(texts) {
    for (const [name, place] of this.places) {
      if (name in texts) write(place, texts[name]);
    }
  }
}

class CircuitPart extends Part {
  constructor(element) {
    super(element);
    this.bars = [];
    for (const bar of element.querySelectorAll(":scope > .phases > .phase")) {
      const shapes = Object.keys(SHAPES).map((name) => [bar.querySelector(name), SHAPES[name]]);
      this.bars.push({ phase: Number(bar.dataset.phase), bar, shapes, now: bar.querySelector("[data-f=now]"), of: bar.querySelector("[data-f=of]") });
    }
    this.free = element.querySelector(":scope > header .free");
    this.pair = element.querySelector(":scope > .note .pair");
    this.places.delete("now");
    this.places.delete("of");
  }

  show(row, voltage) {
    const texts = ofCircuit(row, voltage);
    this.say(texts);
    mark(this.element, "level", row.level);
    mark(this.free, "side", texts.side);
    hide(this.pair, !texts.cap && row.meter === null);
    for (const { phase, bar, shapes, now, of } of this.bars) {
      const p = ofPhase(row, phase);
      write(now, p.now);
      write(of, p.of);
      bar.classList.toggle("over", p.over !== "");
      for (const [shape, attributes] of shapes) set(shape, attributes(p));
    }
  }
}

class EvsePart extends Part {
  constructor(element) {
    super(element);
    this.icon = element.querySelector("use");
  }

  show(row, calendar) {
    const texts = ofEvse(row, calendar);
    this.say(texts);
    mark(this.element, "group", texts.group);
    set(this.icon, { href: texts.icon });
  }
}

// A list whose entries come and go.
class List {
  constructor(root, name) {
    this.list = root.querySelector(`[data-list=${name}]`);
    this.template = root.getElementById(`${name.slice(0, -1)}-item`);
    this.parts = [...this.list.children].map((element) => new Part(element));
  }

  show(entries) {
    while (this.parts.length > entries.length) this.parts.pop().element.remove();
    while (this.parts.length < entries.length) {
      const element = this.template.content.firstElementChild.cloneNode(true);
      this.list.append(element);
      this.parts.push(new Part(element));
    }
    entries.forEach((texts, k) => {
      this.parts[k].say(texts);
      if (texts.tone) mark(this.parts[k].element, "tone", texts.tone);
    });
  }
}

export class Board {
  constructor(root) {
    this.body = root.body;
    const rows = (letter, Kind) => {
      const found = [];
      for (let k = 0; ; k += 1) {
        const element = root.getElementById(`${letter}${k}`);
        if (element === null) return found;
        found.push(new Kind(element));
      }
    };
    this.circuits = rows("c", CircuitPart);
    this.evses = rows("e", EvsePart);
    this.batteries = rows("b", Part);
    this.meters = rows("m", Part);
    this.stations = rows("s", Part);
    this.alarms = new List(root, "alarms");
    this.knocks = new List(root, "knocks");
    this.mode = root.getElementById("mode");
    this.modeIcon = this.mode.querySelector("use");
    this.staleness = root.getElementById("stale");
    this.clock = root.querySelector("[data-f=clock]");
    this.linkMark = root.querySelector("#link [data-f=link]");
    this.top = ["header.top", "#watch", ".power", "#alarms h2"].map((css) => new Part(root.querySelector(css)));
    this.details = root.querySelector("#stations details");
    this.tables = [...root.querySelectorAll("table.evses")];
    this.groups(root);
  }

  // Whether the page was rendered for this site by this program.
  fits(picture) {
    const same = (parts, rows) => parts.length === rows.length && parts.every((part, k) => part.element.dataset.id === rows[k].id);
    return picture.software === this.body.dataset.software
      && same(this.circuits, picture.circuits) && same(this.evses, picture.evses)
      && same(this.batteries, picture.batteries) && same(this.meters, picture.meters) && same(this.stations, picture.stations);
  }

  show(picture) {
    const calendar = new Calendar(picture.site.timezone, picture.at);
    const site = ofSite(picture, picture.circuits[0], calendar);
    const counts = Object.fromEntries(Object.keys(GROUPS).map((group) => [`n-${group}`, 0]));
    for (const row of picture.evses) counts[`n-${CONDITIONS[row.condition].group}`] += 1;
    for (const part of this.top) part.say({ ...site, ...stringed(counts), alarms: String(picture.alarms_total) });
    const mode = MODES[picture.mode];
    mark(this.body, "mode", picture.mode);
    mark(this.mode, "tone", mode.tone);
    set(this.modeIcon, { href: `#i-${mode.icon}` });
    this.body.toggleAttribute("data-late", site.late !== "");
    const title = `${site.name}: ${site.mode}`;
    if (document.title !== title) document.title = title;
    this.circuits.forEach((part, k) => part.show(picture.circuits[k], picture.site.voltage_v));
    this.evses.forEach((part, k) => part.show(picture.evses[k], calendar));
    this.batteries.forEach((part, k) => {
      const texts = ofBattery(picture.batteries[k]);
      part.say(texts);
      part.element.toggleAttribute("data-fault", texts.fault !== "");
    });
    this.meters.forEach((part, k) => {
      const texts = ofMeter(picture.meters[k]);
      part.say(texts);
      part.element.toggleAttribute("data-fault", texts.fault !== "");
    });
    if (this.details.open) this.stations.forEach((part, k) => part.say(ofStation(picture.stations[k], calendar)));
    this.alarms.show(picture.alarms.map((row) => ofAlarm(row, calendar)));
    this.knocks.show(picture.knocks.map((row) => ofKnock(row, calendar)));
    const worst = ["alarm", "hold"].find((tone) => picture.alarms.some((row) => MODES[row.level].tone === tone)) ?? "normal";
    mark(this.alarms.list.parentElement, "tone", worst);
    hide(this.alarms.list.parentElement, picture.alarms.length === 0);
    hide(this.knocks.list.parentElement, picture.knocks.length === 0);
  }

  link(state) {
    mark(this.body, "link", state);
    write(this.linkMark, LINKS[state]);
    hide(this.staleness, state !== "lost");
    const since = this.clock.textContent;
    write(this.staleness, state === "lost" ? `No news since ${since}: what you see is old. Trying to reconnect.` : "");
  }

  // The buttons above the circuits show only the EVSEs of one group.
  groups(root) {
    const buttons = [...root.querySelectorAll("button[data-group]")];
    for (const button of buttons) {
      button.disabled = false;
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        for (const other of buttons) other.setAttribute("aria-pressed", String(on && other === button));
        if (on) this.body.dataset.only = button.dataset.group;
        else delete this.body.dataset.only;
      });
    }
  }
}

const stringed = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

function hide(element, hidden) {
  if (element && element.hidden !== hidden) element.hidden = hidden;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}
