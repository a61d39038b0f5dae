"""Alarms as people handle them, what has happened, and who is told."""
