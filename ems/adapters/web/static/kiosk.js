// The screen in the car park: keeps itself up to date, and says when it cannot.
import { refresh } from "./station-ask.js";

const EVERY_MS = 4_000;
const OLD_MS = 20_000;
const DAILY_MS = 24 * 3_600_000;
const SMALLEST = 0.3;
const HELD_IN_HAND = matchMedia("(max-width: 46rem)");
let heard = performance.now();

// Nobody can scroll a screen on a wall: bays are as large as all of them have room for.
function fit() {
  const root = document.documentElement;
  for (let size = 1; size >= SMALLEST; size *= 0.95) {
    root.style.setProperty("--fit", size);
    if (HELD_IN_HAND.matches || root.scrollHeight <= innerHeight) return;
  }
}

fit();
addEventListener("resize", fit);
setInterval(async () => {
  if (await refresh()) heard = performance.now();
  fit();
  const old = performance.now() - heard > OLD_MS;
  document.getElementById("stale").hidden = !old;
  document.body.toggleAttribute("data-late", old);
}, EVERY_MS);
// A screen that runs for months takes a new program over once a day.
setTimeout(() => location.reload(), DAILY_MS);
