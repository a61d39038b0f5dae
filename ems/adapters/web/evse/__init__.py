"""One EVSE: live, over the last day, and who limits it."""
