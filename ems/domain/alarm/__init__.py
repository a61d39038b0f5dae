"""What is wrong, as people handle it: what must have lasted, what belongs together, who is told."""
