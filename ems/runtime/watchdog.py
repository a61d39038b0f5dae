"""Proof of life for systemd: stroked by the loop after a finished tick, and by nothing else (sd_notify(3))."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)

ANEW_S = 90.0


class Watchdog:
    """Speaks to the service manager through NOTIFY_SOCKET; silent where there is none."""

    def __init__(self, address: str | None = None) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        self._ready = False

    @property
    def is_supervised(self) -> bool:
        """Whether a service manager would restart us."""
        return self._socket is not None

    def stroke(self, status: str) -> None:
        """A tick is finished and its outputs are written; the first one also says that the service is ready."""
        usual = os.environ.get("WATCHDOG_USEC", "")
        patience = f"WATCHDOG_USEC={usual}\n" if usual.isdecimal() else ""
        ready = "" if self._ready else f"READY=1\n{patience}"
        self._ready = True
        self._send(f"{ready}WATCHDOG=1\nSTATUS={status}\n")

    def stopping(self, *, begins_anew: bool = False) -> None:
        """The daemon goes down on purpose; or begins anew inside this process, which takes longer than a tick may. The
        first tick after that has the usual patience again (sd_notify(3), WATCHDOG_USEC).
        """
        longer = f"STATUS=beginning anew\nWATCHDOG_USEC={ANEW_S * 1_000_000:.0f}\nWATCHDOG=1\n"
        self._send(longer if begins_anew else "STOPPING=1\n")

    def reloading(self) -> None:
        """The daemon reads its site again; it stays ready all along."""
        self._send("STATUS=reloading\n")

    def close(self) -> None:
        """Nothing more will be said."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, text: str) -> None:
        if self._socket is None or self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            self._socket.sendto(text.encode(), socket.MSG_DONTWAIT, address)
        except OSError as failed:
            log.warning("watchdog.send %s", failed)
