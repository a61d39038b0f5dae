"""What can be asked of a charging station, what speaks against it, and what came of it."""
