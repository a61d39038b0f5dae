"""What happens, as server-sent events: nothing is left out, and nothing queues up for a slow listener."""

from __future__ import annotations

import asyncio
import json

from starlette.types import Send

from ems.adapters.web.alarms.rows import notice_row
from ems.adapters.web.stream import HEARTBEAT_S, RETRY_MS, Hall, Stream
from ems.ports.controller import NotStoredError
from ems.ports.notices import Notices

AT_A_TIME = 100


class NoticeStream(Stream):
    """What is stored behind a number, then whatever comes. A listener is read to from the database, so a slow one costs
    no memory. `begin` None: from now on.
    """

    def __init__(self, notices: Notices, hall: Hall, site: str, begin: int | None) -> None:
        super().__init__(hall)
        self._notices, self._site, self._after = notices, site, begin

    async def _talk(self, send: Send) -> None:
        await self._begin(send)
        await self._say(send, f"retry: {RETRY_MS}\n\n".encode())
        # A number of another database, higher than ours, would wait for ever.
        at = self._notices.last if self._after is None else min(self._after, self._notices.last)
        while True:
            if self._notices.last <= at:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._notices.news(at)
                except TimeoutError:
                    await self._say(send, b": nothing new\n\n")
                    continue
            try:
                some = await self._notices.notices(at, AT_A_TIME)
            except NotStoredError:
                await asyncio.sleep(HEARTBEAT_S)
                continue
            for one in some:
                data = json.dumps(notice_row(one, self._site), separators=(",", ":"))
                await self._say(send, f"id: {one.number}\nevent: {one.topic.value}\ndata: {data}\n\n".encode())
            # What could not be stored is not told here; its numbers are passed over.
            at = some[-1].number if some else self._notices.last
