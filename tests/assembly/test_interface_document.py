"""The OpenAPI document of a whole daemon is made in a process of its own, and leaves nothing in the daemon."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from ems.assembly import interface_document
from ems.ports.site import NotPossibleError
from ems.settings.machine_token import known_token
from tests.assembly.daemon_process import daemon_process
from tests.assembly.installation import Installation
from tests.assembly.running import running, settings_of
from tests.bench.process_usage import children, rss_mb

MOST_MIB = 5.0
"""Made in the daemon it leaves 10 to 15 behind."""


def get(site: Installation, path: str) -> bytes:
    headers = {"accept-encoding": "gzip", "authorization": f"Bearer {known_token(site.state)}"}
    with build_opener(ProxyHandler({})).open(Request(f"{site.page}{path}", headers=headers), timeout=180) as answer:
        return bytes(answer.read())


@pytest.mark.timeout(240)
def test_it_is_what_the_daemon_would_say_itself(tmp_path: Path) -> None:
    site = Installation.at(tmp_path)
    site.write(more="payment: {provider: sandbox}\n")

    async def scenario() -> tuple[bytes, bytes]:
        async with running(site) as daemon:
            there = await asyncio.to_thread(get, site, "/openapi.json")
            return there, daemon.product.web.described()

    there, here = asyncio.run(scenario())
    told: dict[str, Any] = json.loads(gzip.decompress(there))
    assert told == json.loads(gzip.decompress(here))
    assert "/api/v1/payments" in told["paths"]


@pytest.mark.timeout(240)
def test_it_leaves_neither_memory_nor_a_process_behind(tmp_path: Path) -> None:
    site = Installation.at(tmp_path)

    async def scenario() -> None:
        async with daemon_process(site) as daemon:
            await daemon.says("web.listening", within_s=90.0)
            await daemon.picture()
            for _ in range(3):
                await asyncio.to_thread(get, site, "/api/v1/state")
            pid = daemon.process.pid
            before, with_it = rss_mb(pid), len(children(pid))
            assert len(await asyncio.to_thread(get, site, "/openapi.json")) > 10_000
            assert rss_mb(pid) - before < MOST_MIB
            assert len(children(pid)) <= with_it

    asyncio.run(scenario())


def test_a_process_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface_document, "COMMAND", ("/bin/false",))
    site = Installation.at(tmp_path)
    with pytest.raises(NotPossibleError, match="the process that describes the interface ended with status 1"):
        asyncio.run(interface_document.InterfaceDocument(settings_of(site))())
