"""Why there is no daemon."""


class AssemblyError(RuntimeError):
    """The daemon cannot be put together; the message says why and what helps."""
