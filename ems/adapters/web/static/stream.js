// The event stream, and how fresh what it brought is. Nothing old is ever shown as if it were new.
import { LATE_S } from "./texts.js";

const GIVE_UP_S = 20;

export function listen(url, { picture, link }) {
  let source = null;
  const loaded = performance.now();
  let last = null;
  let opened = loaded;

  function open() {
    opened = performance.now();
    source = new EventSource(url);
    source.onmessage = (event) => {
      last = performance.now();
      picture(JSON.parse(event.data));
      check();
    };
    source.onerror = () => {
      check();
      if (source?.readyState === EventSource.CLOSED) refused();
    };
  }

  function close() {
    source?.close();
    source = null;
  }

  function check() {
    const now = performance.now();
    const silent = (now - (last ?? loaded)) / 1000;
    if (silent <= LATE_S) {
      link(last === null ? "wait" : "live");
      return;
    }
    link("lost");
    // The browser gives up after some errors, and does not notice a dead network.
    if (now - opened > GIVE_UP_S * 1000 && (source?.readyState !== EventSource.OPEN || silent > GIVE_UP_S)) {
      close();
      open();
    }
  }

  // Whoever may not look any more, because the login is over, goes to the login.
  async function refused() {
    const answer = await fetch("/", { method: "HEAD", redirect: "manual", headers: { accept: "text/html" } }).catch(() => null);
    if (answer?.type === "opaqueredirect") location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (source === null) open();
    check();
  });
  setInterval(check, 1000);
  if (!document.hidden) open();
  check();
}
