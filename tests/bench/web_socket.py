"""A WebSocket client that costs next to nothing: frames made by hand, for thousands of stations in one process.

It speaks as much of RFC 6455 as a central system sees: text frames, masked with zeros, ping and close.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from typing import cast

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
FINAL, MASKED = 0x80, 0x80
NO_MASK = bytes(4)


class WebSocket(asyncio.Protocol):
    """One connection. `heard` gets every text message; `opened` is done when the handshake is, or failed."""

    def __init__(self, host: str, path: str, heard: Callable[[bytes], None]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_open = False
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
        )
        self._heard = heard
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to switch protocols."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        self._transport.write(self._request.encode())

    def connection_lost(self, error: Exception | None) -> None:
        """The link is gone."""
        self.is_open = False
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(f"closed during the handshake: {error}"))

    def data_received(self, data: bytes) -> None:
        """Take the handshake, then frames."""
        self._buffer += data
        if not self.is_open and not self._switched():
            return
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            if opcode == TEXT:
                self._heard(payload)
            elif opcode == PING:
                self._send(PONG, payload)
            elif opcode == CLOSE:
                self._send(CLOSE, payload[:2])
                self.close()

    def say(self, text: bytes) -> None:
        """Send a text message."""
        self._send(TEXT, text)

    def close(self) -> None:
        """End the link."""
        if self._transport is not None:
            self._transport.close()

    def _switched(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionError(head.partition(b"\r\n")[0].decode(errors="replace")))
            self.close()
            return False
        self._buffer, self.is_open = rest, True
        self.opened.set_result(None)
        return True

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole frame of a server: final, not masked."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, begins = buffer[1], 2
        if length == 126:
            length, begins = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, begins = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < begins + length:
            return None
        self._buffer = buffer[begins + length :]
        return buffer[0] & 0x0F, buffer[begins : begins + length]

    def _send(self, opcode: int, payload: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        size = len(payload)
        if size < 126:
            head = bytes((FINAL | opcode, MASKED | size))
        else:
            head = bytes((FINAL | opcode, MASKED | 126, size >> 8, size & 0xFF))
        self._transport.write(head + NO_MASK + payload)
