// What the address says was done is said once: loading the page again, or keeping its address, says it no more.
const here = new URL(location.href);
here.searchParams.delete("done");
history.replaceState(history.state, "", here);
