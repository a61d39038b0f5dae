"""An FTP server that takes one kind of thing: the file of a station whose login it is."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from ems.adapters.ftp.visit import LOGIN, Visit
from ems.ports.stations import UploadBox

log = logging.getLogger(__name__)

MOST_AT_ONCE = 8
LOOK_S = 5.0
LISTEN_S = 5.0
LINE_BYTES = 4096


class FtpServer:
    """A `Service`: listens while somebody may upload, and takes files into the box. `port` 0: one that is free."""

    name = "ftp"

    def __init__(self, box: UploadBox, host: str, port: int = 0) -> None:
        self._box, self._host, self._wanted = box, host, port
        self._words: set[str] = set()
        self._asked, self._listening = asyncio.Event(), asyncio.Event()
        self._visits: set[asyncio.Task[None]] = set()
        self.port = 0

    async def url(self, host: str, word: str) -> str:
        """The folder into which a station that reaches us as `host` may put its file. Raises TimeoutError when nobody
        listens.
        """
        self._words.add(word)
        self._asked.set()
        async with asyncio.timeout(LISTEN_S):
            await self._listening.wait()
        return f"ftp://{LOGIN}:{word}@{host}:{self.port}/"

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError when the address is taken or not ours."""
        while True:
            await self._asked.wait()
            await self._serve()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._take, self._host, self._wanted, limit=LINE_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        log.info("ftp.listening address=%s port=%d", self._host, self.port)
        self._listening.set()
        try:
            while self._is_wanted() or self._visits:
                self._asked.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._asked.wait()
        finally:
            self._listening.clear()
            self.port = 0
            server.close()
            for visit in tuple(self._visits):
                visit.cancel()
            await asyncio.gather(*self._visits, return_exceptions=True)
            log.info("ftp.stopped")

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._visits) >= MOST_AT_ONCE:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            await Visit(self._box, reader, writer).run()
        except asyncio.CancelledError:
            # The server ends; the stream's own callback would count this as an error.
            return
        finally:
            self._visits.discard(task)
            writer.close()

    def _is_wanted(self) -> bool:
        self._words = {word for word in self._words if self._box.is_open(word)}
        return bool(self._words)
