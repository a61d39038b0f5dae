"""The socket of a station, which hands over at once what needs no waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode


class StationSocket(ServerConnection):
    """Each message is first offered to `taker`, as soon as it is here, if it is whole and none waits before it. What
    that does not take, `recv` gives to the reader, who says when it is `done`. Most messages are reports, which are
    answered in a moment: to wake a task for each would take as long as to read it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.taker: Callable[[bytes], bool] | None = None
        self._behind = 0

    def process_event(self, event: Any) -> None:
        """A frame was received (or, before all others, the request of the handshake)."""
        if isinstance(event, Frame) and event.fin and event.opcode in _DATA:
            taker = None if self._behind or event.opcode is Opcode.CONT else self.taker
            if taker is not None and taker(bytes(event.data)):
                return
            self._behind += 1
        super().process_event(event)

    def done(self) -> None:
        """The message that `recv` gave last is dealt with."""
        self._behind -= 1


_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
