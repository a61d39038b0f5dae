"""How drivers pay."""
