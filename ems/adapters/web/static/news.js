// What the top of a page says while what stands on it is old: the controller is not heard, or the login is over.
const place = document.getElementById("stale");
const clock = document.getElementById("clock");

// The page is as the controller says.
export function heard() {
  if (!place || place.hidden || !document.body.classList.contains("control")) return;
  place.hidden = true;
  document.body.dataset.link = "none";
}

// Nothing was heard for longer than this page may be old.
export function unheard() {
  mark(`No news since ${clock.textContent}: what you see is old. Trying to reconnect.`);
}

// Nobody knows any more who asks. Whoever logs in elsewhere finds here what was typed.
export function loggedOut() {
  const link = document.createElement("a");
  link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.target = "_blank";
  link.textContent = "Log in again";
  mark(`Your login is over, and what you see is as it was at ${clock.textContent}. What is typed here stays: `, link, " in another tab, and go on in this one.");
}

// Said once, however often it is found: it is read aloud.
function mark(...words) {
  const text = words.map((one) => one.textContent ?? one).join("");
  if (!place.hidden && place.textContent === text) return;
  place.replaceChildren(...words);
  place.hidden = false;
  document.body.dataset.link = "lost";
}
