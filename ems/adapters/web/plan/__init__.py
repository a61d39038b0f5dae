"""The plan: its page, and how it can be asked for."""
