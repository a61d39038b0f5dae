// Keeps the page that the server rendered up to date: connects the stream with what shows it.
import { Board } from "./board.js";
import { listen } from "./stream.js";

const RELOAD_EVERY_MS = 10_000;

const board = new Board(document);
let chart = null;
if (globalThis.uPlot && document.getElementById("chart")) {
  const { Chart } = await import("./chart.js");
  chart = new Chart(document, document.body.dataset.zone);
}

listen("/api/v1/events", {
  picture(picture) {
    if (!board.fits(picture)) {
      reload();
      return;
    }
    board.show(picture);
    chart?.noticed(picture);
  },
  link(state) {
    board.link(state);
  },
});

// The site or the program changed: only a new page can show that. Not again and again, should that not help.
function reload() {
  const now = Date.now();
  if (now - Number(sessionStorage.getItem("reloaded") ?? 0) < RELOAD_EVERY_MS) return;
  sessionStorage.setItem("reloaded", String(now));
  location.reload();
}
