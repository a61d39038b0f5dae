"""What is asked for is not there."""


class UnknownError(ValueError):
    """A change is about something that is not there."""
