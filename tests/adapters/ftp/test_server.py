"""Stations put files over FTP: as the standard library's client speaks it, which is as old as they are."""

from __future__ import annotations

import asyncio
import ftplib
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ems.adapters.ftp.server import FtpServer
from ems.runtime.clock import SystemClock
from ems.runtime.uploads import Uploads


@dataclass
class Place:
    """A server that listens for one file."""

    box: Uploads
    server: FtpServer
    url: str

    async def visit(self, work: Callable[[ftplib.FTP], object], password: str | None = None) -> object:
        """Let a client do something, logged in."""
        parts = urlsplit(self.url)

        def inside() -> object:
            with ftplib.FTP(timeout=10) as client:
                client.connect(parts.hostname or "", parts.port or 0)
                client.login(parts.username or "", (parts.password or "") if password is None else password)
                return work(client)

        return await asyncio.to_thread(inside)


@asynccontextmanager
async def place(folder: Path, most_bytes: int = 1 << 20) -> AsyncIterator[Place]:
    box = Uploads(folder / "uploads", SystemClock(), most_bytes)
    server = FtpServer(box, "127.0.0.1")
    task = asyncio.create_task(server.run())
    try:
        yield Place(box, server, await server.url("127.0.0.1", box.open("A")))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("passive", [True, False])
def test_a_file_is_put_and_kept(tmp_path: Path, passive: bool) -> None:
    content = bytes(range(256)) * 2000

    def put(client: ftplib.FTP) -> str:
        client.set_pasv(passive)
        client.mkd("diagnostics")
        client.cwd("diagnostics")
        return client.storbinary("STOR a.log", io.BytesIO(content))

    async def story() -> None:
        async with place(tmp_path) as here:
            assert str(await here.visit(put)).startswith("226")
            for _ in range(100):
                if here.box.received("A"):
                    break
                await asyncio.sleep(0.02)
            (one,) = here.box.received("A")
            path = here.box.path("A", one.number)
            assert path is not None
            assert (one.name, path.read_bytes()) == ("a.log", content)

    asyncio.run(story())


REFUSED: list[tuple[str, Callable[[ftplib.FTP], object]]] = [
    ("list", lambda client: client.nlst()),
    ("fetch", lambda client: client.retrbinary("RETR a.log", lambda _: None)),
    ("remove", lambda client: client.delete("a.log")),
    ("rename", lambda client: client.rename("a", "b")),
    ("append", lambda client: client.storbinary("APPE a.log", io.BytesIO(b"x"))),
    ("resume", lambda client: client.storbinary("STOR a.log", io.BytesIO(b"x"), rest=5)),
    ("from elsewhere", lambda client: client.sendport("192.0.2.1", 5000)),
    ("to a service", lambda client: client.sendport("127.0.0.1", 22)),
    ("without a connection", lambda client: client.sendcmd("STOR a.log")),
    ("nonsense", lambda client: client.sendcmd("SITE EXEC rm")),
    ("endless line", lambda client: client.sendcmd("CWD " + "x" * 100_000)),
    ("too large", lambda client: client.storbinary("STOR a.log", io.BytesIO(b"x" * 300_000))),
]


@pytest.mark.parametrize(("what", "work"), REFUSED, ids=[what for what, _ in REFUSED])
def test_nothing_else_can_be_done_there(tmp_path: Path, what: str, work: Callable[[ftplib.FTP], object]) -> None:
    async def story() -> None:
        async with place(tmp_path, most_bytes=100_000) as here:
            with pytest.raises((ftplib.Error, OSError, EOFError)):
                await here.visit(work)
            assert here.box.received("A") == ()

    del what
    asyncio.run(story())


@pytest.mark.parametrize("password", ["", "guess", "x" * 5000])
def test_nobody_comes_in_without_the_word(tmp_path: Path, password: str) -> None:
    async def story() -> None:
        async with place(tmp_path) as here:
            with pytest.raises((ftplib.Error, EOFError)):
                await here.visit(lambda client: client.storbinary("STOR a", io.BytesIO(b"x")), password)
            assert here.box.received("A") == ()

    asyncio.run(story())


def test_nobody_listens_once_the_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ems.adapters.ftp.server.LOOK_S", 0.05)

    async def story() -> None:
        async with place(tmp_path) as here:
            await here.visit(lambda client: client.storbinary("STOR a", io.BytesIO(b"x")))
            for _ in range(100):
                if here.server.port == 0:
                    break
                await asyncio.sleep(0.05)
            assert here.server.port == 0
            assert "ftp://ems:" in await here.server.url("127.0.0.1", here.box.open("A"))

    asyncio.run(story())
