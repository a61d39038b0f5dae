"""Whether a server may listen somewhere, asked before anything is begun."""

from __future__ import annotations

import errno
import os
import socket

FINAL = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})
"""What waiting does not help against. An address that this machine does not have yet may come with its network."""


def refusal(host: str, port: int) -> str:
    """Why nobody can listen there until somebody changes something on this machine; empty when nothing is known
    against it. `host` is a name or an address; a port of 0 is always free.
    """
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return ""
    return next((reason for family, _, _, _, place in places if (reason := _refusal(family, place))), "")


def _refusal(family: int, place: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
            probe.listen(1)
        except OSError as failed:
            return os.strerror(failed.errno or 0) if failed.errno in FINAL else ""
    return ""
