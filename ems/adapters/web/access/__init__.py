"""People, tags and groups, what is held for them, and cards that nobody knows."""
