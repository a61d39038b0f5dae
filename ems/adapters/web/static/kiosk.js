// The screen in the car park: keeps itself up to date, and says when it cannot.
import { refresh } from "./station-ask.js";

const EVERY_MS = 4_000;
const OLD_MS = 20_000;
const DAILY_MS = 24 * 3_600_000;
let heard = performance.now();

setInterval(async () => {
  if (await refresh()) heard = performance.now();
  const old = performance.now() - heard > OLD_MS;
  document.getElementById("stale").hidden = !old;
  document.body.toggleAttribute("data-late", old);
}, EVERY_MS);
// A screen that runs for months takes a new program over once a day.
setTimeout(() => location.reload(), DAILY_MS);
