"""The server as a service of the daemon."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from tests.adapters.web.scene import Scene, busy, car_park
from tests.adapters.web.visit import ask, get, raw, run, serving


def test_signals_stay_with_the_daemon() -> None:
    async def visit() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with serving(busy(2)) as server:
            await raw(server.port, get("/healthz", "Connection: close"))
            assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before

    run(visit())


def test_it_stops_within_its_time_although_somebody_listens() -> None:
    async def visit() -> float:
        scene = busy(2)
        async with serving(scene) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(get("/api/v1/events"))
            await reader.readline()
            began = asyncio.get_running_loop().time()
        lasted = asyncio.get_running_loop().time() - began
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
        return lasted

    assert run(visit()) < 2.0


def test_it_can_be_started_again_after_it_ended() -> None:
    async def visit() -> None:
        server = WebServer(busy(2), busy(2), WebOptions(port=0))
        for _ in range(2):
            task = asyncio.create_task(server.run())
            await asyncio.sleep(0.3)
            assert b" 200 " in await raw(server.port, get("/healthz", "Connection: close"))
            assert b"data: " in await raw(server.port, get("/api/v1/events"), until=b"data: ")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(visit())


def test_an_address_that_is_taken_is_an_error_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        scene = Scene(car_park(2))
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}.*EMS_HTTP_PORT"):
            run(WebServer(scene, scene, WebOptions(port=port)).run())


def test_it_runs_in_the_loop_of_the_daemon_and_does_not_log_visits(caplog: pytest.LogCaptureFixture) -> None:
    async def visit() -> None:
        async with serving(busy(2)) as server:
            for path in ("/", "/nothing", "/api/v1/state"):
                await raw(server.port, get(path, "Connection: close"))
            await raw(server.port, b"nonsense\r\n\r\n")

    with caplog.at_level(logging.INFO):
        run(visit())
    names = [record.getMessage().split()[0] for record in caplog.records if record.name != "asyncio"]
    assert names == ["web.listening", "web.stopped"]


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.8.8.8", True),
        ("0.0.0.0", False),
        ("10.0.0.5", False),
        ("depot.example", False),
    ],
)
def test_an_address_is_private_that_only_this_machine_can_reach(host: str, private: bool) -> None:
    assert WebOptions(host=host).is_private is private


def test_the_page_says_who_can_see_it() -> None:
    assert "only this machine is served" in ask(busy(2), "/").text
