"""What is decided: the core function by function, its laws, and the closed loop with an independent world."""
