"""A process full of browsers without a screen: pages, event streams, an export; and one station whose status changes.

    python -m tests.bench.web_visitors

takes commands on stdin (see `child`).
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.bench.child import obey

PATIENCE_S = 10.0
ASSET = re.compile(r'(?:href|src)="(/static/[^"]+)"')
CHARTS = "uplot"


class Visitors:
    """Whoever looks; every public method is a command."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: dict[int, tuple[str, float]] = {}
        self._heard = asyncio.Event()
        self._answers = 0

    async def pages(self, port: int, path: str, times: int) -> Mapping[str, Any]:
        """Ask for a page so often, one time after the other; seconds by the clock, and bytes over the wire with all
        that the page is made of but the chart library, compressed as it comes.
        """
        seconds: list[float] = []
        async with _client(port) as client:
            text, size = "", 0
            for _ in range(times):
                began = time.perf_counter()
                answer = await client.get(path)
                seconds.append(time.perf_counter() - began)
                assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
                text = answer.text
                size = int(answer.headers.get("content-length", len(gzip.compress(answer.content))))
            parts, waiting = set[str](), set(ASSET.findall(text))
            while waiting:
                part = waiting.pop()
                parts.add(part)
                if CHARTS in part:
                    continue
                found = await client.get(part)
                assert found.status_code == 200, part
                size += int(found.headers.get("content-length", len(gzip.compress(found.content))))
                base = part.rpartition("/")[0]
                waiting |= {f"{base}/{name}" for name in re.findall(r'from "\./([\w.-]+)"', found.text)} - parts
        return {"seconds": seconds, "bytes": size, "parts": len(parts)}

    async def open(self, port: int, streams: int) -> Mapping[str, Any]:
        """Open so many event streams."""
        for number in range(streams):
            self._keep(self._listen(port, number))
        async with asyncio.timeout(PATIENCE_S * 3):
            while len(self._seen) < streams:
                self._heard.clear()
                await self._heard.wait()
        return {"streams": len(self._seen)}

    async def busy(self, port: int, readers: int, paths: list[str], export: str) -> Mapping[str, Any]:
        """From now on so many look at a page every five seconds, and somebody exports again and again."""
        for number in range(readers):
            self._keep(self._reads(port, paths[number % len(paths)], 5.0, number * 5.0 / readers))
        self._keep(self._reads(port, export, 0.5, 0.0))
        return {}

    async def answered(self) -> Mapping[str, Any]:
        """How many pages and exports came since the last time."""
        count, self._answers = self._answers, 0
        return {"answers": count}

    async def leave(self) -> Mapping[str, Any]:
        """Everybody goes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._seen.clear()
        return {}

    async def change(self, ocpp_port: int, station: str, times: int) -> Mapping[str, Any]:
        """A station says so often that its status has changed; seconds until the last stream has told it."""
        seconds: list[float] = []
        address = f"ws://127.0.0.1:{ocpp_port}/ocpp/{station}"
        async with connect(address, subprotocols=[Subprotocol("ocpp1.6")], compression=None, proxy=None) as link:
            reading = asyncio.create_task(_served(link))
            boot = {"chargePointVendor": "Bench", "chargePointModel": "B1"}
            await link.send(json.dumps([2, "boot", "BootNotification", boot]))
            await asyncio.sleep(3.0)
            for number in range(times):
                error = f"bench-{number}"
                await asyncio.sleep(1.37)
                began = time.perf_counter()
                told = {"connectorId": 1, "errorCode": "OtherError", "status": "Faulted", "info": error,
                        "vendorErrorCode": error}  # fmt: skip
                await link.send(json.dumps([2, error, "StatusNotification", told]))
                async with asyncio.timeout(PATIENCE_S):
                    while any(last != error for last, _ in self._seen.values()):
                        self._heard.clear()
                        await self._heard.wait()
                seconds.append(max(at for _, at in self._seen.values()) - began)
            reading.cancel()
        return {"seconds": seconds}

    def _keep(self, work: Any) -> None:
        self._tasks.add(asyncio.create_task(work))

    async def _listen(self, port: int, number: int) -> None:
        pattern = re.compile(r"bench-\d+")
        async with _client(port) as client, client.stream("GET", "/api/v1/events") as answer:
            assert answer.status_code == 200, answer.status_code
            async for line in answer.aiter_lines():
                found = pattern.findall(line)
                if found or number not in self._seen:
                    self._seen[number] = (found[-1] if found else "", time.perf_counter())
                    self._heard.set()

    async def _reads(self, port: int, path: str, every_s: float, after_s: float) -> None:
        await asyncio.sleep(after_s)
        async with _client(port) as client:
            while True:
                with suppress(httpx2.TransportError):
                    answer = await client.get(path)
                    self._answers += answer.status_code == 200
                await asyncio.sleep(every_s)


def _client(port: int) -> httpx2.AsyncClient:
    limits = httpx2.Timeout(120.0)
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=limits, trust_env=False)


async def _served(link: ClientConnection) -> None:
    """Say yes to whatever the central system asks."""
    async for text in link:
        told = json.loads(text)
        if told[0] == 2:
            no_keys: list[str] = []
            is_asked = told[2] == "GetConfiguration"
            answer: dict[str, Any] = {"configurationKey": no_keys} if is_asked else {"status": "Accepted"}
            await link.send(json.dumps([3, told[1], answer]))


async def _main() -> None:
    here = Visitors()
    names = ("pages", "open", "busy", "answered", "leave", "change")
    await obey({name: getattr(here, name) for name in names})


if __name__ == "__main__":
    asyncio.run(_main())
