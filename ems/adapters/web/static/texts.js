// The picture in the words of the page; the same, name by name, as texts.py.
import { CONDITIONS, MODES } from "./words.js";

export const NOTHING = "–";
export const LATE_S = 5;
const UNSAID = new Set(["no-vehicle", "offline"]);
const PHASES = ["L1", "L2", "L3"];

const signed = (value) => value.toFixed(1).replace("-", "−");
export const amps = (value) => (value === null ? NOTHING : `${signed(value)} A`);
export const wholeAmps = (value) => (value === null ? NOTHING : `${signed(value).replace(/\.0$/, "")} A`);
const kilowatts = (value) => (value === null ? NOTHING : `${signed(value / 1000)} kW`);
const kilowatthours = (value) => (value === null ? NOTHING : `${signed(value / 1000)} kWh`);

export function duration(seconds) {
  if (seconds === null) return "never";
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

// Times as the clocks of the site show them, seen at `at`.
export class Calendar {
  static #forms = new Map();

  constructor(zone, at) {
    if (!Calendar.#forms.has(zone)) {
      const form = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
      const two = "2-digit";
      Calendar.#forms.set(zone, {
        full: form({ weekday: "short", day: two, month: "short", hour: two, minute: two, second: two }),
        day: form({ year: "numeric", month: two, day: two, weekday: "short" }),
        time: form({ hour: two, minute: two }),
      });
    }
    this.forms = Calendar.#forms.get(zone);
    this.today = this.forms.day.format(new Date(at));
  }

  #parts(form, at) {
    return Object.fromEntries(form.formatToParts(new Date(at)).map((part) => [part.type, part.value]));
  }

  clock(at) {
    const p = this.#parts(this.forms.full, at);
    return `${p.weekday} ${p.day} ${p.month.slice(0, 3)} ${p.hour}:${p.minute}:${p.second}`;
  }

  moment(at) {
    const time = this.forms.time.format(new Date(at));
    if (this.forms.day.format(new Date(at)) === this.today) return time;
    return `${this.#parts(this.forms.day, at).weekday} ${time}`;
  }
}

export function ofSite(head, root, calendar) {
  const mode = MODES[head.mode];
  const power = head.power_w;
  const late = head.tick_age_s !== null && head.tick_age_s > LATE_S;
  return {
    name: head.site.name,
    clock: calendar.clock(head.at),
    mode: mode.word,
    cause: head.cause || mode.sentence,
    late: late ? `The last decision is ${duration(head.tick_age_s)} old.` : "",
    old: root.level === "normal" ? "" : `${duration(root.measured_age_s)} old`,
    grid: kilowatts(power.grid),
    ev: kilowatts(power.ev),
    other: kilowatts(power.other),
    pv: kilowatts(power.pv === null ? null : 0 - power.pv),
    battery: kilowatts(power.battery),
  };
}

const valuesOf = (phases) => PHASES.map((name) => (phases === null ? null : phases[name]));

export function ofCircuit(row, voltage) {
  const [left, over] = free(row, voltage);
  const ours = valuesOf(row.headroom_a).filter((value) => value !== null);
  return {
    free: left,
    side: over ? "over" : "free",
    room: ours.length ? wholeAmps(Math.floor(Math.max(0, Math.min(...ours)))) : NOTHING,
    source: row.limit_source,
    age: row.meter === null ? NOTHING : `${duration(row.measured_age_s)} ago`,
    power: kilowatts(row.measured_w),
    cap: row.limit_w === null ? "" : `of ${kilowatts(row.limit_w)}`,
    level: row.level === "normal" ? "" : MODES[row.level].word,
  };
}

// What nobody uses, on the phase with the least of it, or of the power where that is less; or by how much too much is used.
function free(row, voltage) {
  const left = leftOf(row);
  if (!left.length) return [NOTHING, false];
  const least = Math.min(...left);
  if (row.limit_w !== null && row.measured_w !== null && row.level === "normal") {
    const watts = row.limit_w - row.measured_w;
    if (watts < least * voltage * left.length) return [kilowatts(Math.abs(watts)), watts < -0.5 * voltage];
  }
  const over = least < -0.5;
  return [wholeAmps(Math.floor(over ? -least : Math.max(0, least))), over];
}

// What each phase has left: below the limit of a fresh meter, else by what the vehicles say they draw.
function leftOf(row) {
  const measured = row.measured_a !== null && row.level === "normal";
  const flowing = valuesOf(measured ? row.measured_a : row.drawn_a);
  return valuesOf(measured ? row.limit_a : row.headroom_a)
    .map((most, k) => (most === null || flowing[k] === null ? null : most - flowing[k] - (measured ? row.margin_a : 0)))
    .filter((value) => value !== null);
}

export function ofPhase(row, phase) {
  const rating = valuesOf(row.rating_a)[phase] ?? 0;
  const limit = valuesOf(row.limit_a)[phase];
  const drawn = Math.max(0, valuesOf(row.drawn_a)[phase] ?? 0);
  const measured = valuesOf(row.measured_a)[phase];
  const total = measured === null ? drawn + Math.max(0, valuesOf(row.base_load_a)[phase] ?? 0) : measured;
  const scale = 1.08 * Math.max(rating, limit ?? 0, total);
  const ours = Math.min(drawn, Math.max(0, total));
  const percent = (part) => `${Math.min(100, Math.max(0, scale > 0 ? (100 * part) / scale : 0)).toFixed(1)}%`;
  return {
    now: amps(row.drawn_a === null ? null : total),
    of: `of ${wholeAmps(limit ?? rating)}`,
    other: percent(total - ours),
    ev: percent(ours),
    top: percent(total),
    limit: percent(limit ?? rating),
    rating: percent(rating),
    over: limit !== null && total > limit + 0.5 ? "over" : "",
  };
}

export function ofEvse(row, calendar) {
  const shown = CONDITIONS[row.condition];
  const need = row.session?.need ?? null;
  let target = need === null ? "" : `of ${kilowatthours(need.energy_wh)}`;
  if (row.session?.departure) target = `${target} by ${calendar.moment(row.session.departure)}`.trimStart();
  return {
    word: shown.word,
    icon: `#i-${shown.icon}`,
    group: shown.group,
    setpoint: wholeAmps(row.setpoint_a),
    measured: row.measured_a === null ? NOTHING : legs(row.measured_a, row.measured_exact),
    age: row.measured_age_s === null ? "" : duration(row.measured_age_s),
    energy: kilowatthours(row.energy_wh),
    power: row.power_w === null || row.session === null ? "" : kilowatts(row.power_w),
    when: when(row, calendar),
    soc: row.soc_percent === null ? "" : `${row.soc_percent.toFixed(0)} %`,
    target,
    why: why(row, calendar),
  };
}

function when(row, calendar) {
  const parts = row.session === null ? [] : [`plugged in ${calendar.moment(row.session.plugged)}`];
  if (!row.connected && row.since !== null) parts.push(`offline since ${calendar.moment(row.since)}`);
  return parts.join(", ");
}

function legs(measured, exact) {
  const values = measured.map((value) => (value === null ? NOTHING : value.toFixed(1))).join(" / ");
  return exact ? `${values} A` : `≤ ${values} A`;
}

function why(row, calendar) {
  const reason = row.reason;
  if (reason === null) return "";
  const parts = [reason.until === null ? reason.text : `${reason.text} until ${calendar.moment(reason.until)}`];
  const [liable, setpoint] = [row.liable_a, row.setpoint_a];
  if (!UNSAID.has(reason.binding) && liable !== null && setpoint !== null && liable > setpoint + 0.5) {
    parts.push(`counted with ${wholeAmps(liable)}`);
  }
  if (row.error && !reason.text.includes(row.error)) parts.push(row.error);
  return parts.join(" · ");
}

export function ofMeter(row) {
  const [one, two, three] = valuesOf(row.measured_a).map(amps);
  return {
    where: row.circuits.join(", ") || row.role,
    L1: one,
    L2: two,
    L3: three,
    power: kilowatts(row.power_w),
    age: duration(row.age_s),
    fault: row.fault ? `${row.fault} (${row.failures}×)` : "",
  };
}

const STILL_W = 50;

export function ofBattery(row) {
  const [soc, power, told] = [row.soc_percent, row.power_w, row.setpoint_w];
  return {
    soc: soc === null ? NOTHING : `${soc.toFixed(0)} %`,
    size: `of ${kilowatthours(row.capacity_wh)}, on ${row.circuit}`,
    flow: power === null ? NOTHING : flow(power, "takes ", "gives ", "rests"),
    told: told === null ? "" : flow(told, "told to take ", "told to give ", "told to rest"),
    why: row.reason,
    age: duration(row.age_s),
    fault: row.fault,
  };
}

function flow(watts, takes, gives, rests) {
  if (Math.abs(watts) < STILL_W) return rests;
  return watts > 0 ? `${takes}${kilowatts(watts)}` : `${gives}${kilowatts(-watts)}`;
}

export function ofStation(row, calendar) {
  const since = row.since === null ? "" : ` since ${calendar.moment(row.since)}`;
  const link = row.connected ? "online" : row.last_seen ? "offline" : "never connected";
  const skew = row.clock_skew_s;
  return {
    what: [row.vendor, row.model].filter(Boolean).join(" ") || NOTHING,
    firmware: row.firmware || NOTHING,
    link: `${link}${since}`,
    skew: Math.abs(skew) >= 1 ? `${skew >= 0 ? "+" : ""}${skew.toFixed(0)} s` : "right",
  };
}

export function ofAlarm(row, calendar) {
  return {
    text: row.text,
    remedy: row.remedy,
    since: row.since === null ? "" : `since ${calendar.moment(row.since)}`,
    tone: MODES[row.level].tone,
  };
}

export function ofKnock(row, calendar) {
  return {
    station: row.station,
    address: row.address,
    reason: row.reason,
    count: `${row.count}×`,
    at: calendar.moment(row.at),
  };
}
