"""Ports of loopback for those who must name one before somebody listens there."""

from __future__ import annotations

import secrets
import socket
from contextlib import closing

OURS = range(10_000, 32_000)
"""Below those that systems give to clients, of which one may come between the choice and its use."""


def free_ports(count: int) -> tuple[int, ...]:
    """Different ports that nobody used a moment ago. Drawn, since tests run side by side."""
    free: set[int] = set()
    while len(free) < count:
        port = secrets.choice(OURS)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        free.add(port)
    return tuple(free)
