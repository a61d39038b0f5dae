"""The picture as server-sent events."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ems.adapters.web.frame import GZIP_HEADER, Frame, Press, blocks
from ems.adapters.web.problem import problem

HEARTBEAT_S = 5.0
RETRY_MS = 2000
MEDIA_TYPE = "text/event-stream"


class Hall:
    """Where listeners stand: no more than `places`, and all leave when it closes, alone or together with others that
    share `closing`.
    """

    def __init__(self, places: int, closing: asyncio.Event | None = None) -> None:
        self.places = places
        self.taken = 0
        self.closing = closing or asyncio.Event()


class Stream(Response, ABC):
    """An endless answer. Ends when the listener leaves or the hall closes; refused when the hall is full."""

    media_type = MEDIA_TYPE

    def __init__(self, hall: Hall, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self._hall = hall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk until somebody leaves."""
        if self._hall.taken >= self._hall.places or self._hall.closing.is_set():
            detail = f"{self._hall.places} pages and programs listen already; close one, or read now and then instead"
            await problem(503, detail, "too-many-streams", {"retry-after": "30"})(scope, receive, send)
            return
        self._hall.taken += 1
        tasks = [
            asyncio.create_task(self._talk(send)),
            asyncio.create_task(_gone(receive)),
            asyncio.create_task(self._hall.closing.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hall.taken -= 1
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        if self._hall.closing.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    @abstractmethod
    async def _talk(self, send: Send) -> None:
        """Say everything, without an end."""

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _say(self, send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})


class EventStream(Stream):
    """A frame at each version, four a second at most, and a comment while nothing ticks.

    A listener gets the newest frame when it is ready for it, so nothing queues up for a slow one; one that takes
    nothing at all is cut off by the server (`server.py`).
    """

    def __init__(self, press: Press, hall: Hall, compressed: bool, seen: int | None = None) -> None:
        """`seen`: the version that the listener has, who comes again."""
        encoding = {"content-encoding": "gzip"} if compressed else {}
        super().__init__(hall, {"vary": "accept-encoding", **encoding})
        self._press, self._compressed, self._seen = press, compressed, seen

    async def _talk(self, send: Send) -> None:
        await self._begin(send)
        opening = f"retry: {RETRY_MS}\n\n".encode("ascii")
        await self._say(send, GZIP_HEADER + blocks(opening) if self._compressed else opening)
        frame = await self._press.latest()
        if frame.version != self._seen:
            await self._say(send, self._event(frame))
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    frame = await self._press.following(frame)
            except TimeoutError:
                comment = b": no tick\n\n"
                await self._say(send, blocks(comment) if self._compressed else comment)
            else:
                await self._say(send, self._event(frame))

    def _event(self, frame: Frame) -> bytes:
        before, after = f"id: {frame.version}\ndata: ".encode("ascii"), b"\n\n"
        if self._compressed:
            return blocks(before) + frame.deflated + blocks(after)
        return before + frame.json + after


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
