"""Reports: the page, the interface, what does not count against the uptime, and what goes out by itself."""
