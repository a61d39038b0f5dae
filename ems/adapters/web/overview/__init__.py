"""The site at a glance."""
