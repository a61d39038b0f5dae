"""Finished days: what they cost, and what they could have cost."""
