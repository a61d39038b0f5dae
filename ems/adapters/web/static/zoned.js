// Times as the clocks of the site show them, whatever clock the browser has.

// How far the clocks of a zone are ahead of UTC at a moment, both in ms.
function offset(at, zone) {
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(at).map((part) => [part.type, Number(part.value)]));
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - at;
}

// The moment at which they show a time: of one that comes twice the first.
export function zoned(text, zone) {
  const wanted = Date.parse(`${text}Z`);
  const fitting = [wanted - offset(wanted - 86_400_000, zone), wanted - offset(wanted + 86_400_000, zone)].filter((at) => at + offset(at, zone) === wanted);
  return new Date(fitting.length ? Math.min(...fitting) : wanted - offset(wanted, zone)).toISOString();
}

// What they show at a moment, as a field for a date and a time takes it: seconds only where there are any.
export function local(moment, zone) {
  const at = Date.parse(moment);
  return new Date(at + offset(at, zone)).toISOString().slice(0, 19).replace(/:00$/, "");
}
