// The sheet of stickers: printing, moving a sticker, and reports that somebody has seen to.
import { tell } from "./tell.js";

const said = document.getElementById("said");

function done(answer) {
  if (answer.ok) {
    location.reload();
    return;
  }
  said.hidden = false;
  said.dataset.tone = "bad";
  said.textContent = answer.told.detail;
}

document.getElementById("print").addEventListener("click", () => window.print());

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.dataset.move) done(await tell("PUT", `/api/v1/stickers/${form.dataset.move}`, { evse: form.elements.evse.value }));
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-close]");
  if (button) done(await tell("POST", `/api/v1/driver-reports/${button.dataset.close}/close`, {}));
});
