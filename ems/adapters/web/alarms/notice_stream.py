"""What happens, as server-sent events: nothing is left out, and nothing queues up for a slow listener."""

from __future__ import annotations

import asyncio
import json

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ems.adapters.web.alarms.rows import notice_row
from ems.adapters.web.problem import problem
from ems.adapters.web.stream import HEARTBEAT_S, MEDIA_TYPE, RETRY_MS, Hall
from ems.notice_ports import Notices
from ems.ports import NotStoredError

AT_A_TIME = 100


class NoticeStream(Response):
    """An endless answer: what is stored behind a number, then whatever comes. A listener is read to from the database,
    so a slow one costs no memory. `begin` None: from now on.
    """

    media_type = MEDIA_TYPE

    def __init__(self, notices: Notices, hall: Hall, site: str, begin: int | None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._notices, self._hall, self._site, self._begin = notices, hall, site, begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk until the listener leaves; refuse when the hall is full."""
        if self._hall.taken >= self._hall.places or self._hall.closing.is_set():
            detail = f"{self._hall.places} programs listen already; close one, or read /api/v1/notices now and then"
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

    async def _talk(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _say(send, f"retry: {RETRY_MS}\n\n")
        # A number of another database, higher than ours, would wait for ever.
        at = self._notices.last if self._begin is None else min(self._begin, self._notices.last)
        while True:
            if self._notices.last <= at:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._notices.news(at)
                except TimeoutError:
                    await _say(send, ": nothing new\n\n")
                    continue
            try:
                some = await self._notices.notices(at, AT_A_TIME)
            except NotStoredError:
                await asyncio.sleep(HEARTBEAT_S)
                continue
            for one in some:
                data = json.dumps(notice_row(one, self._site), separators=(",", ":"))
                await _say(send, f"id: {one.number}\nevent: {one.topic.value}\ndata: {data}\n\n")
            # What could not be stored is not told here; its numbers are passed over.
            at = some[-1].number if some else self._notices.last


async def _say(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
