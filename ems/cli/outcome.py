"""How a command ends."""

FINE, FINDING, WRONG_USE = 0, 1, 2


class UsageError(Exception):
    """The command cannot be carried out as it was given; the message says what helps."""
