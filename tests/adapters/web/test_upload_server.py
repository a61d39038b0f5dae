"""Stations put files over HTTP as clients of chargers do: with a length, in chunks, asking first, or not to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ems.adapters.web.upload_server import UploadServer
from ems.runtime.clock import SystemClock
from ems.runtime.uploads import Uploads
from tests.adapters.web.visit import raw


@dataclass
class Place:
    """A server that waits for one file of A."""

    box: Uploads
    server: UploadServer
    word: str

    async def send(self, text: str, body: bytes = b"") -> bytes:
        """A request as it is written, with `WORD` for the word; the whole answer."""
        request = text.replace("WORD", self.word).replace("\n", "\r\n").encode("latin-1")
        return await raw(self.server.port, request + body)

    async def kept(self) -> list[bytes]:
        """What is kept of A."""
        paths = [self.box.path("A", one.number) for one in self.box.received("A")]
        return [path.read_bytes() for path in paths if path is not None]


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    box = Uploads(folder / "uploads", SystemClock(), most_bytes=100_000)
    server = UploadServer(box, "127.0.0.1")
    task = asyncio.create_task(server.run())
    try:
        word = box.open("A")
        url = await server.url("127.0.0.1", word)
        assert url == f"http://127.0.0.1:{server.port}/uploads/{word}/"
        yield Place(box, server, word)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


HEAD = "{method} /uploads/WORD{name} HTTP/1.1\nHost: x\n{more}\n\n"


def put(method: str = "PUT", name: str = "/a.log", more: str = "Content-Length: 3") -> str:
    return HEAD.format(method=method, name=name, more=more)


TAKEN: list[tuple[str, str, bytes]] = [
    ("with a length", put(), b"log"),
    ("posted", put("POST"), b"log"),
    ("without a name", put(name=""), b"log"),
    ("into folders", put(name="/a/b%2e%2e/../c.log"), b"log"),
    ("in chunks", put(more="Transfer-Encoding: chunked"), b"1\r\nl\r\n2\r\nog\r\n0\r\n\r\n"),
    ("asked first", put(more="Content-Length: 3\nExpect: 100-continue"), b"log"),
]


@pytest.mark.parametrize(("what", "text", "body"), TAKEN, ids=[what for what, *_ in TAKEN])
def test_a_file_is_taken_however_it_is_sent(tmp_path: Path, what: str, text: str, body: bytes) -> None:
    async def story() -> None:
        async with place(tmp_path) as here:
            answer = await here.send(text, body)
            assert b"HTTP/1.1 201" in answer, answer
            assert await here.kept() == [b"log"]
            again = await here.send(text, body)
            assert b"HTTP/1.1 404" in again

    del what
    asyncio.run(story())


REFUSED: list[tuple[str, str, bytes, bytes]] = [
    ("too large", put(more="Content-Length: 200000"), b"x" * 200_000, b"413"),
    ("read", "GET /uploads/WORD/a HTTP/1.1\nHost: x\n\n", b"", b"404"),
    ("guessed", "PUT /uploads/WORDx/a HTTP/1.1\nHost: x\nContent-Length: 1\n\n", b"x", b"404"),
    ("elsewhere", "PUT /WORD HTTP/1.1\nHost: x\nContent-Length: 1\n\n", b"x", b"404"),
    ("root", "PUT / HTTP/1.1\nHost: x\nContent-Length: 1\n\n", b"x", b"404"),
    ("no request", "nonsense\n\n", b"", b"400"),
]


@pytest.mark.parametrize(("what", "text", "body", "status"), REFUSED, ids=[what for what, *_ in REFUSED])
def test_nothing_else_is_taken(tmp_path: Path, what: str, text: str, body: bytes, status: bytes) -> None:
    async def story() -> None:
        async with place(tmp_path) as here:
            answer = await here.send(text, body)
            assert answer.startswith(b"HTTP/1.1 " + status), answer
            assert await here.kept() == []
            assert b"HTTP/1.1 201" in await here.send(put(), b"log")

    del what
    asyncio.run(story())


def test_a_file_that_is_cut_off_is_not_kept_and_may_come_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with place(tmp_path) as here:
            _, writer = await asyncio.open_connection("127.0.0.1", here.server.port)
            text = put(more="Content-Length: 50000").replace("WORD", here.word).replace("\n", "\r\n")
            writer.write(text.encode() + b"half")
            await writer.drain()
            await until(lambda: not here.box.is_open(here.word))
            writer.close()
            await until(lambda: here.box.is_open(here.word))
            assert list((tmp_path / "uploads").iterdir()) == []
            assert b"HTTP/1.1 201" in await here.send(put(), b"log")

    asyncio.run(story())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - it is not ours to tell
            await asyncio.sleep(0.01)


def test_who_connects_and_asks_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ems.adapters.web.upload_server.HEAD_S", 0.1)

    async def story() -> None:
        async with place(tmp_path) as here:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.server.port)
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()

    asyncio.run(story())
