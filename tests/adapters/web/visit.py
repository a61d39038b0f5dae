"""Ways to visit the web side: in process, and over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2

from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.server import WebServer
from tests.adapters.web.scene import Scene

_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine with a deadline."""

    async def limited() -> _T:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(limited())


def ask(
    scene: Scene,
    path: str,
    headers: dict[str, str] | None = None,
    method: str = "GET",
    options: WebOptions | None = None,
    content: bytes | None = None,
    **ports: Any,
) -> httpx2.Response:
    """One question to the application, without a socket; `ports` are those that it has besides the scene."""

    async def once() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=create_app(scene, scene, options or WebOptions(), **ports))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
            return await client.request(method, path, headers=headers, content=content)

    return run(once())


@asynccontextmanager
async def serving(scene: Scene, **options: Any) -> AsyncIterator[WebServer]:
    """The real server on a free port."""
    server = WebServer(scene, scene, WebOptions(port=0, **options))
    task = asyncio.create_task(server.run())
    try:
        await asyncio.sleep(0)
        assert server.port, "the server listens from its first step on"
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def raw(port: int, request: bytes, until: bytes = b"") -> bytes:
    """Send bytes and read until `until` appears or the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        writer.write(request)
        await writer.drain()
        while not until or until not in received:
            some = await reader.read(65536)
            if not some:
                break
            received += some
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


def get(path: str, *headers: str) -> bytes:
    """A request as bytes."""
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode("latin-1")
