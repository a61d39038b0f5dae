"""One file per row of the failure table that the core alone can show: it works, breaks, acts and recovers."""
